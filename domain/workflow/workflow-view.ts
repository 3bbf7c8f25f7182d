import * as z from 'zod';
import type { AggregateView } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { jsonObject } from '../../core/events/json.ts';
import { timesSchema } from '../../core/projections/times.ts';
import { type WorkflowStatus, workflowStatus } from './workflow-status.ts';

/** The members of a workflow's view. */
export const workflowViewSchema = () =>
  z.strictObject({
    ...timesSchema,
    workflowId: id,
    workflowType: z.string(),
    state: z.enum(['started', 'running', 'completed', 'failed']),
    initiatedBy: z.string(),
    parameters: jsonObject,
    steps: z.int().nonnegative(),
    lastStepId: id.exactOptional(),
    lastStepType: z.string().exactOptional(),
    nextStep: z.string().exactOptional(),
    assigned: z
      .strictObject({ stepId: id, agentType: z.string(), attempt: z.int().positive() })
      .exactOptional()
      .describe('The step that waits for an agent of a type'),
    error: z.union([z.string(), jsonObject]).exactOptional().describe('The error of the latest failed step'),
  } satisfies Record<keyof WorkflowStatus, z.ZodType>);

const name = z.string().min(1).max(128);

/** The view of a workflow, and the list of workflows. */
export const workflowView: AggregateView<WorkflowStatus> = {
  projection: workflowStatus,
  schema: workflowViewSchema,
  summary: 'The progress of a workflow',
  listSummary: 'List workflows, by state, type or initiator',
  filters: {
    workflowType: { value: name, passes: (view, type) => view.workflowType === type },
    initiatedBy: { value: name, passes: (view, initiator) => view.initiatedBy === initiator },
  },
};
