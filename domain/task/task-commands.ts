import * as z from 'zod';
import { commandRoute } from '../../api/http/command-route.ts';
import { id } from '../../core/events/envelope.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import { taskCompleted, taskFailed, taskRequested } from '../../events/task.ts';
import { multiAgentTask } from './multi-agent-task-saga.ts';
import { taskDecider } from './task.ts';

export const taskRequestedAnswer = z.strictObject({ taskId: id, sagaId: id });
export const taskAnswer = z.strictObject({ taskId: id, version: z.int().positive() });

const command = commandRoute(taskDecider, {
  answer: taskAnswer,
  reply: ({ id: taskId, version }) => ({ taskId, version }),
});

export const taskCommands = [
  command(
    {
      name: 'requestTask',
      path: '/tasks',
      summary: 'Request a task of one or more agents',
      description:
        'Starts the multi-agent saga. The saga ends when every agent has answered or the deadline has passed.',
      body: taskRequested.data.omit({ taskId: true }),
      command: (data) => ({ kind: 'request', ...data }),
      status: 202,
      done: 'Requested, now or by an earlier request under the same Idempotency-Key',
    },
    {
      answer: taskRequestedAnswer,
      reply: ({ id: taskId }) => ({ taskId, sagaId: sagaIdOf(multiAgentTask, taskId) }),
    },
  ),
  command({
    name: 'completeTask',
    path: '/tasks/{taskId}/completions',
    summary: 'An agent completed its part of a task',
    body: taskCompleted.data.omit({ taskId: true }),
    command: (data) => ({ kind: 'complete', ...data }),
    done: 'Recorded',
  }),
  command({
    name: 'failTask',
    path: '/tasks/{taskId}/failures',
    summary: 'An agent could not do its part of a task',
    body: taskFailed.data.omit({ taskId: true }),
    command: (data) => ({ kind: 'fail', ...data }),
    done: 'Recorded',
  }),
];
