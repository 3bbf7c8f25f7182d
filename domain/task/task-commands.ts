import * as z from 'zod';
import { appendOptions, type CommandDeps, newAggregateId, REPEAT, repeatHeader } from '../../api/http/command.ts';
import { type RequestContext, route } from '../../api/http/route.ts';
import { id } from '../../core/events/envelope.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { taskCompleted, taskFailed, taskRequested } from '../../events/task.ts';
import { multiAgentTask } from './multi-agent-task-saga.ts';
import { type TaskCommand, taskDecider } from './task.ts';

export const requestTaskBody = taskRequested.data.extend({ taskId: id.optional().describe('Made when absent') });
export const completeTaskBody = taskCompleted.data.omit({ taskId: true });
export const failTaskBody = taskFailed.data.omit({ taskId: true });

export const taskRequestedAnswer = z.strictObject({ taskId: id, sagaId: id });
export const taskAnswer = z.strictObject({ taskId: id, version: z.int().positive() });

const params = z.object({ taskId: id });

const run = (taskId: string, command: TaskCommand, context: RequestContext, deps: CommandDeps) =>
  handleCommand(deps.store, taskDecider, taskId, command, appendOptions(context, deps));

export const taskCommands = [
  route({
    name: 'requestTask',
    method: 'POST',
    path: '/tasks',
    summary: 'Request a task of one or more agents',
    description: 'Starts the multi-agent saga, which ends when every agent has answered or the deadline has passed.',
    body: requestTaskBody,
    answer: taskRequestedAnswer,
    statuses: { 202: 'Requested, now or by an earlier request under the same Idempotency-Key' },
    errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ body: { taskId: given, ...data }, context }, deps: CommandDeps) {
      const taskId = given ?? newAggregateId('task', context, deps);
      const { repeated } = await run(taskId, { kind: 'request', ...data }, context, deps);
      const headers = repeatHeader(repeated);
      return { status: 202, body: { taskId, sagaId: sagaIdOf(multiAgentTask, taskId) }, headers };
    },
  }),
  route({
    name: 'completeTask',
    method: 'POST',
    path: '/tasks/{taskId}/completions',
    summary: 'An agent completed its part of a task',
    params,
    body: completeTaskBody,
    answer: taskAnswer,
    statuses: { 201: 'Recorded', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { taskId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(taskId, { kind: 'complete', ...body }, context, deps);
      return { status: repeated ? 200 : 201, body: { taskId, version }, headers: repeatHeader(repeated) };
    },
  }),
  route({
    name: 'failTask',
    method: 'POST',
    path: '/tasks/{taskId}/failures',
    summary: 'An agent could not do its part of a task',
    params,
    body: failTaskBody,
    answer: taskAnswer,
    statuses: { 201: 'Recorded', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { taskId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(taskId, { kind: 'fail', ...body }, context, deps);
      return { status: repeated ? 200 : 201, body: { taskId, version }, headers: repeatHeader(repeated) };
    },
  }),
];
