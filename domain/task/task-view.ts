import * as z from 'zod';
import type { AggregateView } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { jsonObject } from '../../core/events/json.ts';
import { timesSchema } from '../../core/projections/times.ts';
import { type TaskStatus, taskStatus } from './task-status.ts';

const count = z.int().nonnegative();

/** The members of a task's view. */
export const taskViewSchema = () =>
  z.strictObject({
    ...timesSchema,
    taskId: id,
    state: z.enum(['requested', 'completed', 'failed']),
    requiredAgents: z.array(id),
    assignedAgents: z.array(id).describe('Agents at work'),
    completedAgents: z.array(id),
    failedAgents: z.array(id),
    deadlineSeconds: count,
    durationMs: z.number().nonnegative().describe('Sum, milliseconds'),
    error: z
      .union([z.string(), jsonObject])
      .exactOptional()
      .describe('The error of the first failure, or the reason of the release'),
  } satisfies Record<keyof TaskStatus, z.ZodType>);

/** The view of a task, and the list of tasks. */
export const taskView: AggregateView<TaskStatus> = {
  projection: taskStatus,
  schema: taskViewSchema,
  summary: 'The state of a task, and the agents that answered',
  listSummary: 'List tasks, by state or by a required agent',
  filters: {
    agentId: {
      value: id.describe('An agent that the task requires'),
      passes: (view, agentId) => view.requiredAgents.includes(agentId),
    },
  },
};
