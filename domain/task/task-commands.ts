import * as z from 'zod';
import type { CommandDeclarations, CommandOf } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import {
  AGENTS_RULE,
  fencing,
  namesItsAgents,
  taskAssigned,
  taskClaimed,
  taskClaimLost,
  taskCompleted,
  taskFailed,
  taskOffered,
  taskOrder,
  taskReleased,
  taskWithdrawn,
} from '../../events/task.ts';

/** The name of the saga that a request starts. */
export const TASK_SAGA = 'multi-agent-task';

const held = {
  fencing: fencing.exactOptional().describe('The number of the claim; required once the agent has claimed its part'),
};

/** The commands of a task. Only the saga assigns, offers, releases and withdraws; only leases claim and lose. */
export const taskCommands = {
  request: {
    creates: true,
    summary: 'Request a task of named agents, or of any agents of a type',
    description: 'Starts the multi-agent saga. The saga ends when every agent has answered or the deadline has passed.',
    body: z.strictObject(taskOrder).refine(namesItsAgents, AGENTS_RULE),
    status: 202,
    done: 'Requested, now or by an earlier request under the same Idempotency-Key',
    answer: z.strictObject({ taskId: id, sagaId: id }),
    reply: ({ id: taskId }) => ({ taskId, sagaId: sagaIdOf({ name: TASK_SAGA }, taskId) }),
  },
  complete: {
    path: 'completions',
    summary: 'An agent completed its part of a task',
    body: taskCompleted.data.omit({ taskId: true, slot: true }).extend(held),
    done: 'Recorded',
    errors: ['LEASE_LOST'],
  },
  fail: {
    path: 'failures',
    summary: 'An agent could not do its part of a task',
    body: taskFailed.data.omit({ taskId: true, slot: true }).extend(held),
    done: 'Recorded',
    errors: ['LEASE_LOST'],
  },
  assign: { internal: true, body: taskAssigned.data.omit({ taskId: true }) },
  offer: { internal: true, body: taskOffered.data.omit({ taskId: true }) },
  claim: {
    internal: true,
    body: taskClaimed.data.omit({ taskId: true }).extend({ agentType: z.string().exactOptional() }),
  },
  lose: { internal: true, body: taskClaimLost.data.omit({ taskId: true }) },
  release: { internal: true, body: taskReleased.data.omit({ taskId: true }) },
  withdraw: { internal: true, body: taskWithdrawn.data.omit({ taskId: true, agentId: true }) },
} as const satisfies CommandDeclarations;

/** A command of a task. */
export type TaskCommand = CommandOf<typeof taskCommands>;
