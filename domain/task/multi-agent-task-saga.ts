import { budgetIdOf } from '../../core/budgets/budget.ts';
import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import { findJsonFault, type Json } from '../../core/events/json.ts';
import { commandOf, defineSaga, MAX_OUTPUT_DEPTH } from '../../core/sagas/saga.ts';
import type { SagaRun } from '../../core/sagas/state.ts';
import { slotsOf } from './slots.ts';
import { taskDecider } from './task.ts';
import { TASK_SAGA } from './task-commands.ts';

type TaskInput = Omit<EventData<'task.requested'>, 'payload' | 'priority' | 'budget'> & {
  /** The id of the budget of the task. */
  readonly budgetId?: string;
};

/** Most bytes of a result in the last event of the saga. Larger results are referenced. */
const MAX_RESULT_BYTES = 2_048;

/**
 * The seed's MultiAgentTaskSaga: every part is assigned to the agent that it names or offered to agents of a type, and
 * all have to be completed before the deadline. When an agent fails, a named agent stops, or the deadline passes, the
 * parts are released or withdrawn, the last one first. An agent of a type that stops loses its lease: the next takes over.
 *
 * An assignment is not a lock: an agent may have many tasks at once. So two sagas with a common agent never wait for
 * each other, and cannot deadlock.
 */
export const multiAgentTask = defineSaga({
  name: TASK_SAGA,
  description: 'A task for one or more agents. Every agent has to complete its part before the deadline.',
  startedBy: 'task.requested',
  input: ({ data: { payload: _, priority: __, budget, ...input } }): TaskInput => ({
    ...input,
    ...(budget && { budgetId: budgetIdOf('task', input.taskId) }),
  }),
  answers: {
    'task.completed': {
      item: ({ slot, agentId }) => slot ?? agentId,
      output: ({ result, slot, agentId }) => {
        const small = Buffer.byteLength(JSON.stringify(result)) <= MAX_RESULT_BYTES ? { result } : undefined;
        return slot === undefined ? small : { ...small, agentId };
      },
    },
    'task.failed': {
      item: ({ slot, agentId }) => slot ?? agentId,
      fails: ({ agentId, error }) => `agent ${agentId} failed: ${text(error)}`,
    },
  },
  steps: [
    {
      name: 'assign',
      title: 'assign or offer each part, and wait for its answer',
      kind: 'parallel',
      items: ({ input }) => slotsOf(input),
      command: ({ input, item, deadline }) =>
        commandOf(
          taskDecider,
          input.taskId,
          isNamed(input) ? { kind: 'assign', agentId: item, deadline } : { kind: 'offer', slot: item, deadline },
        ),
      compensation: ({ input, item, reason }) =>
        commandOf(
          taskDecider,
          input.taskId,
          isNamed(input) ? { kind: 'release', agentId: item, reason } : { kind: 'withdraw', slot: item, reason },
        ),
      deadlineSeconds: ({ input }) => input.deadlineSeconds,
      // A task takes one answer from each agent.
      retries: { limit: 0, delaySeconds: 0, maxDelaySeconds: 0 },
      party: [
        {
          aggregateType: 'agent',
          id: (item, { input }) => (isNamed(input) ? item : undefined),
          endedBy: ['agent.state-changed'],
          fails: stopped,
        },
        { aggregateType: 'budget', id: (_, { input }) => input.budgetId, endedBy: ['budget.spent'], fails: overspent },
      ],
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

const isNamed = ({ requiredAgents }: TaskInput): boolean => requiredAgents !== undefined;

const agentsOf = (runs: readonly SagaRun[]): string[] => runs.map(agentOf);

/** The agent that answered: of a claimed part the answer says who it was. */
function agentOf({ item, output }: SagaRun): string {
  const claimed = typeof output === 'object' && output !== null && !Array.isArray(output) ? output['agentId'] : item;
  return typeof claimed === 'string' ? claimed : item;
}

function resultOf(run: SagaRun) {
  const { answer, output } = run;
  if (!answer) return [];
  const hasResult = typeof output === 'object' && output !== null && 'result' in output;
  // Older histories kept results that are nested too deep to be repeated.
  const kept = hasResult && !findJsonFault(output, MAX_OUTPUT_DEPTH) ? { result: output['result'] } : {};
  return [{ agentId: agentOf(run), answer, ...kept }];
}

function stopped(event: DomainEvent): string | undefined {
  const gone = event.type === 'agent.state-changed' && event.data.newState === 'stopped';
  return gone ? `agent ${event.aggregateId} was stopped` : undefined;
}

function overspent(event: DomainEvent): string | undefined {
  if (event.type !== 'budget.spent') return undefined;
  const { budgetId, measures, spent } = event.data;
  return `BUDGET_SPENT: budget ${budgetId} is spent, by ${measures.map((measure) => `${spent[measure]} ${measure}`).join(' and ')}`;
}

const text = (error: Json): string => (typeof error === 'string' ? error : JSON.stringify(error));
