import * as z from 'zod';
import type { AggregateView } from '../../application/aggregate.ts';
import { budgetRequest } from '../../core/events/budget.ts';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { jsonObject } from '../../core/events/json.ts';
import { timesSchema } from '../../core/projections/times.ts';
import { type SlotView, type TaskStatus, taskStatus } from './task-status.ts';

const count = z.int().nonnegative();

const slotSchema = () =>
  z.strictObject({
    slot: id,
    state: z.enum(['requested', 'waiting', 'claimed', 'completed', 'failed', 'released']),
    agentId: id.exactOptional().describe('The agent that the part names, else its holder'),
    fencing: count.exactOptional().describe('The number of the last claim'),
    claimedAt: instant.exactOptional(),
  } satisfies Record<keyof SlotView, z.ZodType>);

/** The members of a task's view. */
export const taskViewSchema = () =>
  z.strictObject({
    ...timesSchema,
    taskId: id,
    state: z.enum(['requested', 'completed', 'failed']),
    requiredAgents: z.array(id).describe('The named agents; empty for agents of a type'),
    agentType: z.string().exactOptional().describe('Any agents of this type may claim the parts'),
    priority: count.exactOptional().describe('9 comes first'),
    payload: jsonObject.exactOptional(),
    slots: z
      .array(slotSchema())
      .exactOptional()
      .describe('The parts; absent, like payload and priority, until a view of an older release is rebuilt'),
    assignedAgents: z.array(id).describe('Agents at work'),
    completedAgents: z.array(id),
    failedAgents: z.array(id),
    deadlineSeconds: count,
    deadline: instant.exactOptional().describe('Once the parts are assigned or offered'),
    budget: budgetRequest
      .exactOptional()
      .describe('As requested; `GET /budgets/task:{taskId}` has the present limits, and what is spent'),
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
  listSummary: 'List tasks, by state, by a required agent or by the type of their agents',
  filters: {
    agentId: {
      value: id.describe('An agent that the task requires'),
      passes: (view, agentId) => view.requiredAgents.includes(agentId),
    },
    agentType: {
      value: z.string().min(1).max(128).describe('Tasks for agents of this type'),
      passes: (view, agentType) => view.agentType === agentType,
    },
  },
};
