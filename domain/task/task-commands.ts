import * as z from 'zod';
import type { CommandDeclarations, CommandOf } from '../../application/aggregate.ts';
import { id } from '../../core/events/envelope.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import { taskAssigned, taskCompleted, taskFailed, taskReleased, taskRequested } from '../../events/task.ts';

/** The name of the saga that a request starts. */
export const TASK_SAGA = 'multi-agent-task';

/** The commands of a task. Only the saga assigns and releases. */
export const taskCommands = {
  request: {
    creates: true,
    summary: 'Request a task of one or more agents',
    description: 'Starts the multi-agent saga. The saga ends when every agent has answered or the deadline has passed.',
    body: taskRequested.data.omit({ taskId: true }),
    status: 202,
    done: 'Requested, now or by an earlier request under the same Idempotency-Key',
    answer: z.strictObject({ taskId: id, sagaId: id }),
    reply: ({ id: taskId }) => ({ taskId, sagaId: sagaIdOf({ name: TASK_SAGA }, taskId) }),
  },
  complete: {
    path: 'completions',
    summary: 'An agent completed its part of a task',
    body: taskCompleted.data.omit({ taskId: true }),
    done: 'Recorded',
  },
  fail: {
    path: 'failures',
    summary: 'An agent could not do its part of a task',
    body: taskFailed.data.omit({ taskId: true }),
    done: 'Recorded',
  },
  assign: { internal: true, body: taskAssigned.data.omit({ taskId: true }) },
  release: { internal: true, body: taskReleased.data.omit({ taskId: true }) },
} as const satisfies CommandDeclarations;

/** A command of a task. */
export type TaskCommand = CommandOf<typeof taskCommands>;
