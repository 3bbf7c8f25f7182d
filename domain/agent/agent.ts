import { defineAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import type { AgentState } from '../../events/agent.ts';
import { type AgentCommand, agentCommands } from './agent-commands.ts';
import { agentView } from './agent-view.ts';
import { forkRuns } from './fork-runs.ts';

type AgentEvent =
  | 'agent.created'
  | 'agent.state-changed'
  | 'agent.step-recorded'
  | 'agent.forked'
  | 'agent.described'
  | 'agent.step-withdrawn';

/** The facts that decisions about an agent need. */
export interface Agent {
  /** `none` before it was created. */
  readonly state: AgentState | 'none';
  /** When it stopped; ISO 8601. */
  readonly stoppedAt?: string;
  /** What a waiting agent waits for, and until when. */
  readonly waitingFor?: string | undefined;
  readonly until?: string | undefined;
}

/**
 * An agent is created once and then changes its state freely, with two rules: no agent returns to `created`, and
 * `stopped` is final. A stopped agent takes no steps. A raw append may still tell a step that happened before the stop: the
 * file of a session may be imported after a hook told its end.
 */
export const agentDecider = defineAggregate({
  aggregateType: 'agent',
  initialState: { state: 'none' } as Agent,
  stateVersion: 2,
  commands: agentCommands,
  decide,
  evolve,
  admits: (agent, event, context) =>
    admitsAsDecided(happenedBefore(agent, event) ? { state: 'running' } : agent, event, context),
  view: agentView,
  fork: ({ id: agentId, parentId, atVersion, past, changes }) => ({
    type: 'agent.forked',
    data: {
      ...{ agentId, parentId, atVersion },
      ...(past && { agentType: past.agentType, state: past.state }),
      ...(changes && { changes }),
    },
  }),
  forkRuns,
  compare: {
    // Of a step its action, of a change of state the new state.
    action: ({ type, data }) =>
      type === 'agent.step-recorded' ? data.action : type === 'agent.state-changed' ? data.newState : undefined,
    circumstances: ['durationMs', 'usage', 'taskId', 'timestamp'],
    cost: ({ type, data }) => {
      if (type !== 'agent.step-recorded') return undefined;
      const { durationMs, usage } = data;
      return { ...(durationMs === undefined ? {} : { durationMs }), ...(usage === undefined ? {} : { usage }) };
    },
  },
});

const admitsAsDecided = admitsDecided(decide, commandBehind);

/** Whether an event tells a step from before the end of the agent. */
const happenedBefore = ({ state, stoppedAt }: Agent, { type, timestamp }: NewEvent<AgentEvent>): boolean =>
  state === 'stopped' &&
  type === 'agent.step-recorded' &&
  stoppedAt !== undefined &&
  timestamp !== undefined &&
  Date.parse(timestamp) <= Date.parse(stoppedAt);

function commandBehind(event: NewEvent<AgentEvent>): AgentCommand | undefined {
  switch (event.type) {
    case 'agent.created': {
      const { agentId: _, ...data } = event.data;
      return { kind: 'create', ...data };
    }
    case 'agent.state-changed': {
      const { newState, reason, waitingFor, until } = event.data;
      return { kind: 'change-state', newState, reason, waitingFor, until };
    }
    case 'agent.step-recorded': {
      const { agentId: _, ...data } = event.data;
      return { kind: 'record-step', ...data };
    }
    case 'agent.forked':
    case 'agent.described':
    case 'agent.step-withdrawn':
      return undefined;
  }
}

function decide(agent: Agent, command: AgentCommand, { id }: DecideContext): NewEvent<AgentEvent>[] {
  const { state } = agent;
  if (command.kind === 'create') {
    const { kind: _, ...data } = command;
    if (state !== 'none') throw new CommandRejectedError(`agent ${id} exists already`);
    return [{ type: 'agent.created', data: { agentId: id, ...data } }];
  }
  if (state === 'none') throw new NotFoundError(`agent ${id} does not exist`);
  if (command.kind === 'change-state') return changeState({ ...agent, state }, command, id);
  if (state === 'stopped') throw new CommandRejectedError(`agent ${id} is stopped: a stopped agent takes no steps`);
  const { kind: _, ...data } = command;
  return [{ type: 'agent.step-recorded', data: { agentId: id, ...data } }];
}

function changeState(
  before: Agent & { readonly state: AgentState },
  { newState, reason, waitingFor, until }: Extract<AgentCommand, { kind: 'change-state' }>,
  agentId: string,
): NewEvent<AgentEvent>[] {
  const { state: previousState } = before;
  const wait = { ...(waitingFor !== undefined && { waitingFor }), ...(until !== undefined && { until }) };
  const says = waitingFor !== undefined || until !== undefined;
  if (newState !== 'waiting' && says) {
    throw new CommandRejectedError(`agent ${agentId} is to be ${newState}: only a waiting agent waits for something`);
  }
  // A waiting agent may wait for something else.
  const isSame = !says || (waitingFor === before.waitingFor && until === before.until);
  if (newState === previousState && isSame) return [];
  if (previousState === 'stopped') {
    throw new CommandRejectedError(`agent ${agentId} is stopped, which is final`);
  }
  if (newState === 'created') {
    throw new CommandRejectedError(`agent ${agentId} is ${previousState}: no agent goes back to created`);
  }
  return [{ type: 'agent.state-changed', data: { agentId, previousState, newState, reason, ...wait } }];
}

function evolve(agent: Agent, event: DomainEvent<AgentEvent>): Agent {
  switch (event.type) {
    case 'agent.created':
      return { state: 'created' };
    case 'agent.state-changed':
      return afterChange(event);
    case 'agent.step-recorded':
    case 'agent.forked': // the shared history is folded already
    case 'agent.described':
    case 'agent.step-withdrawn':
      return agent;
  }
}

function afterChange({ data, timestamp }: DomainEvent<'agent.state-changed'>): Agent {
  const { newState: state, waitingFor, until } = data;
  if (state === 'stopped') return { state, stoppedAt: timestamp };
  return state === 'waiting' ? { state, waitingFor, until } : { state };
}
