import { defineAggregate } from '../../application/aggregate.ts';
import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext } from '../../core/state/decider.ts';
import type { AgentState } from '../../events/agent.ts';
import { type AgentCommand, agentCommands } from './agent-commands.ts';
import { agentView } from './agent-view.ts';

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
}

/**
 * An agent is created once and then changes its state freely, with two rules: no agent returns to `created`, and
 * `stopped` is final. A stopped agent takes no steps. A raw append may still tell a step that happened before the stop: the
 * file of a session may be imported after a hook told its end.
 */
export const agentDecider = defineAggregate({
  aggregateType: 'agent',
  initialState: { state: 'none' } as Agent,
  commands: agentCommands,
  decide,
  evolve,
  admits: (agent, event, context) =>
    admitsAsDecided(happenedBefore(agent, event) ? { state: 'running' } : agent, event, context),
  view: agentView,
  fork: ({ id: agentId, parentId, atVersion, past }) => ({
    type: 'agent.forked',
    data: { agentId, parentId, atVersion, ...(past && { agentType: past.agentType, state: past.state }) },
  }),
  compare: {
    // Of a step its action, of a change of state the new state.
    action: ({ type, data }) =>
      type === 'agent.step-recorded' ? data.action : type === 'agent.state-changed' ? data.newState : undefined,
    circumstances: ['durationMs', 'usage', 'timestamp'],
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
      const { newState, reason } = event.data;
      return { kind: 'change-state', newState, reason };
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

function decide({ state }: Agent, command: AgentCommand, { id }: DecideContext): NewEvent<AgentEvent>[] {
  if (command.kind === 'create') {
    const { kind: _, ...data } = command;
    if (state !== 'none') throw new CommandRejectedError(`agent ${id} exists already`);
    return [{ type: 'agent.created', data: { agentId: id, ...data } }];
  }
  if (state === 'none') throw new NotFoundError(`agent ${id} does not exist`);
  if (command.kind === 'change-state') return changeState(state, command, id);
  if (state === 'stopped') throw new CommandRejectedError(`agent ${id} is stopped: a stopped agent takes no steps`);
  const { kind: _, ...data } = command;
  return [{ type: 'agent.step-recorded', data: { agentId: id, ...data } }];
}

function changeState(
  previousState: AgentState,
  { newState, reason }: Extract<AgentCommand, { kind: 'change-state' }>,
  agentId: string,
): NewEvent<AgentEvent>[] {
  if (newState === previousState) return [];
  if (previousState === 'stopped') {
    throw new CommandRejectedError(`agent ${agentId} is stopped, which is final`);
  }
  if (newState === 'created') {
    throw new CommandRejectedError(`agent ${agentId} is ${previousState}: no agent goes back to created`);
  }
  return [{ type: 'agent.state-changed', data: { agentId, previousState, newState, reason } }];
}

function evolve(agent: Agent, event: DomainEvent<AgentEvent>): Agent {
  switch (event.type) {
    case 'agent.created':
      return { state: 'created' };
    case 'agent.state-changed':
      return { state: event.data.newState, ...(event.data.newState === 'stopped' && { stoppedAt: event.timestamp }) };
    case 'agent.step-recorded':
    case 'agent.forked': // the shared history is folded already
    case 'agent.described':
    case 'agent.step-withdrawn':
      return agent;
  }
}
