import { CommandRejectedError, NotFoundError } from '../../core/base/errors.ts';
import type { DomainEvent, EventData, NewEvent } from '../../core/events/catalogue.ts';
import { admitsDecided } from '../../core/state/admission.ts';
import type { DecideContext, Decider } from '../../core/state/decider.ts';
import type { AgentState } from '../../events/agent.ts';

type AgentEvent = 'agent.created' | 'agent.state-changed' | 'agent.step-recorded' | 'agent.forked';

/** The facts that decisions about an agent need. */
export interface Agent {
  /** `none` before it was created. */
  readonly state: AgentState | 'none';
}

export type AgentCommand =
  | ({ readonly kind: 'create' } & Omit<EventData<'agent.created'>, 'agentId'>)
  | { readonly kind: 'change-state'; readonly newState: AgentState; readonly reason: string }
  | ({ readonly kind: 'record-step' } & Omit<EventData<'agent.step-recorded'>, 'agentId'>);

/**
 * An agent is created once and then changes its state freely, with two rules: no agent returns to `created`, and
 * `stopped` is final. A stopped agent takes no steps.
 */
export const agentDecider: Decider<Agent, AgentCommand, AgentEvent> = {
  aggregateType: 'agent',
  initialState: { state: 'none' },
  decide,
  evolve,
  admits: admitsDecided(decide, commandBehind),
};

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
      return { state: event.data.newState };
    case 'agent.step-recorded':
    case 'agent.forked': // the shared history is folded already
      return agent;
  }
}
