import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import { findJsonFault, type Json } from '../../core/events/json.ts';
import { commandOf, defineSaga, MAX_OUTPUT_DEPTH } from '../../core/sagas/saga.ts';
import type { SagaRun } from '../../core/sagas/state.ts';
import { taskDecider } from './task.ts';
import { TASK_SAGA } from './task-commands.ts';

type TaskInput = Omit<EventData<'task.requested'>, 'payload'>;

/** Most bytes of a result in the last event of the saga. Larger results are referenced. */
const MAX_RESULT_BYTES = 2_048;

/**
 * The seed's MultiAgentTaskSaga: every required agent is assigned, and all have to complete before the deadline. When
 * an agent fails, stops or misses the deadline, the assignments are released, the last one first.
 *
 * An assignment is not a lock: an agent may have many tasks at once. So two sagas with a common agent never wait for
 * each other, and cannot deadlock.
 */
export const multiAgentTask = defineSaga({
  name: TASK_SAGA,
  description: 'A task for one or more agents. Every agent has to complete its part before the deadline.',
  startedBy: 'task.requested',
  input: ({ data: { taskId, requiredAgents, deadlineSeconds } }): TaskInput => ({
    taskId,
    requiredAgents,
    deadlineSeconds,
  }),
  answers: {
    'task.completed': {
      item: ({ agentId }) => agentId,
      output: ({ result }) => (Buffer.byteLength(JSON.stringify(result)) <= MAX_RESULT_BYTES ? { result } : undefined),
    },
    'task.failed': {
      item: ({ agentId }) => agentId,
      fails: ({ agentId, error }) => `agent ${agentId} failed: ${text(error)}`,
    },
  },
  steps: [
    {
      name: 'assign',
      title: 'assign each required agent, and wait for its answer',
      kind: 'parallel',
      items: ({ input }) => input.requiredAgents,
      command: ({ input, item, deadline }) =>
        commandOf(taskDecider, input.taskId, { kind: 'assign', agentId: item, deadline }),
      compensation: ({ input, item, reason }) =>
        commandOf(taskDecider, input.taskId, { kind: 'release', agentId: item, reason }),
      deadlineSeconds: ({ input }) => input.deadlineSeconds,
      // A task takes one answer from each agent.
      retries: { limit: 0, delaySeconds: 0, maxDelaySeconds: 0 },
      party: { aggregateType: 'agent', id: (item) => item, endedBy: ['agent.state-changed'], fails: stopped },
    },
  ],
  completed: ({ input, runs }) => ({
    type: 'multi-agent-task.completed',
    data: { taskId: input.taskId, completedAgents: agentsOf(runs), results: runs.flatMap(resultOf) },
  }),
  failed: ({ input, runs }, reason) => ({
    type: 'multi-agent-task.failed',
    data: { taskId: input.taskId, reason, completedAgents: agentsOf(runs.filter(({ answer }) => answer)) },
  }),
});

const agentsOf = (runs: readonly SagaRun[]): string[] => runs.map(({ item }) => item);

function resultOf({ item, answer, output }: SagaRun) {
  if (!answer) return [];
  const hasResult = typeof output === 'object' && output !== null && 'result' in output;
  // Older histories kept results that are nested too deep to be repeated.
  const kept = hasResult && !findJsonFault(output, MAX_OUTPUT_DEPTH) ? { result: output['result'] } : {};
  return [{ agentId: item, answer, ...kept }];
}

function stopped(event: DomainEvent): string | undefined {
  const gone = event.type === 'agent.state-changed' && event.data.newState === 'stopped';
  return gone ? `agent ${event.aggregateId} was stopped` : undefined;
}

const text = (error: Json): string => (typeof error === 'string' ? error : JSON.stringify(error));
