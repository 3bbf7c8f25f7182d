import * as z from 'zod';
import type { Fork, RunningFork } from '../../application/aggregate.ts';
import { CommandRejectedError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { type JsonObject, jsonObject } from '../../core/events/json.ts';
import { sagaIdOf } from '../../core/sagas/saga.ts';
import { taskOrder } from '../../events/task.ts';
import { taskDecider } from '../task/task.ts';
import { TASK_SAGA } from '../task/task-commands.ts';
import type { AgentStatus } from './agent-status.ts';

/** The time of a task that names none, seconds. */
const HOUR = 3_600;

/** Most characters of a configuration in the payload, as JSON. The view of the fork has larger ones. */
const MAX_CONFIGURATION = 16_384;

const { requiredAgents, agentType, priority, budget } = taskOrder;

/**
 * A fork that runs on asks for a task, which waits in the inboxes of agents like other tasks. Its id is that of the fork.
 * The payload says where the history is: an agent that claims the task reads it, goes on, and records its steps in the
 * stream of the fork.
 */
export const forkRuns: RunningFork<AgentStatus> = {
  order: z.strictObject({
    requiredAgents,
    agentType: agentType.describe('Any agent of this type may claim the task; the type of the parent when absent'),
    priority,
    payload: jsonObject.exactOptional().describe('Further members of the payload of the task, besides `fork`'),
    deadlineSeconds: taskOrder.deadlineSeconds.exactOptional().describe('One hour when absent'),
    budget,
  }),
  answer: z.strictObject({ taskId: id, sagaId: id }),
  work(fork, order, now) {
    const { id: taskId, parentId, atVersion, past } = fork;
    if (past?.state === 'stopped') {
      throw new CommandRejectedError(
        `agent ${parentId} is stopped at version ${atVersion}: a stopped agent takes no steps; fork it from an earlier moment`,
      );
    }
    const agents = order['requiredAgents'] === undefined ? { agentType: past?.agentType ?? 'unknown', count: 1 } : {};
    const { payload, ...terms } = order;
    const wanted = {
      kind: 'request',
      deadlineSeconds: HOUR,
      ...agents,
      ...terms,
      payload: { ...(payload as JsonObject | undefined), fork: tellFork(fork) },
    } as const;
    const events = taskDecider.decide(taskDecider.initialState, wanted, { id: taskId, now });
    return {
      aggregateType: 'task',
      id: taskId,
      events,
      answer: { taskId, sagaId: sagaIdOf({ name: TASK_SAGA }, taskId) },
    };
  },
};

/** What a worker has to know of the fork. The history is named, never copied. */
function tellFork({ id: agentId, parentId, atVersion, past, changes, history = [] }: Fork<AgentStatus>): JsonObject {
  const configuration = { ...past?.configuration, ...changes };
  const isSmall = JSON.stringify(configuration).length <= MAX_CONFIGURATION;
  return {
    agentId,
    parentId,
    atVersion,
    ...(changes && { changes }),
    ...(past && { state: past.state, steps: past.steps }),
    ...(isSmall ? { configuration } : {}),
    read: {
      view: `/agents/${agentId}`,
      history: history.map(({ stream, from, to }) => `/streams/${stream}/events?from=${from}&to=${to}`),
    },
  };
}
