import * as z from 'zod';
import type { CommandDeclarations, CommandOf } from '../../application/aggregate.ts';
import { type JsonObject, json } from '../../core/events/json.ts';
import {
  workflowStarted,
  workflowStepAssigned,
  workflowStepCompensated,
  workflowStepCompleted,
  workflowStepFailed,
} from '../../events/workflow.ts';
import { workflowPlan } from '../../events/workflow-plan.ts';

const parameters: z.ZodType<JsonObject> = z
  .object({ plan: workflowPlan.optional().describe('The saga drives the workflow through these steps, in this order') })
  .catchall(json);

/** The commands of a workflow. Only the saga assigns steps and compensates them. */
export const workflowCommands = {
  start: {
    creates: true,
    summary: 'Start a workflow',
    body: workflowStarted.data.omit({ workflowId: true }).extend({ parameters }),
    done: 'Started',
  },
  'complete-step': {
    operation: 'completeWorkflowStep',
    path: 'steps',
    summary: 'A step of a workflow is done',
    body: workflowStepCompleted.data.omit({ workflowId: true }),
    done: 'Recorded',
  },
  'fail-step': {
    operation: 'failWorkflowStep',
    path: 'failures',
    summary: 'A step of a workflow could not be done',
    body: workflowStepFailed.data.omit({ workflowId: true }),
    done: 'Recorded',
  },
  'assign-step': { internal: true, body: workflowStepAssigned.data.omit({ workflowId: true }) },
  'compensate-step': { internal: true, body: workflowStepCompensated.data.omit({ workflowId: true }) },
} as const satisfies CommandDeclarations;

/** A command of a workflow. */
export type WorkflowCommand = CommandOf<typeof workflowCommands>;
