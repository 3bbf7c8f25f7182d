import { addAmount, subtractAmount } from '../../core/events/amount.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import { defineProjection } from '../../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../../core/projections/times.ts';
import { addUsage, subtractUsage } from '../../core/projections/usage-sums.ts';
import { type AgentState, agentState, TELEMETRY_ARRIVES } from '../../events/agent.ts';

/** The state, work and usage of an agent. */
export interface AgentStatus extends Times {
  readonly agentId: string;
  readonly agentType: string;
  readonly state: AgentState;
  readonly createdBy: string;
  /** The agent that it works for. */
  readonly parentId?: string;
  readonly configuration: JsonObject;
  /** The reason for the latest change of state. */
  readonly reason?: string;
  /** What a waiting agent waits for, and until when. */
  readonly waitingFor?: string;
  readonly until?: string;
  /** When that happened. A change that happened earlier and arrives later changes no state. */
  readonly stateSince?: string;
  readonly steps: number;
  readonly stateChanges: number;
  /** Sum of the steps' durations, milliseconds. */
  readonly durationMs: number;
  /** Sum of the steps' usage, by name. */
  readonly usage: Readonly<Record<string, number>>;
  /** The start of the action that happened last. */
  readonly lastAction?: string;
  readonly lastActionAt?: string;
  /** The parent, and its last shared event. */
  readonly forkedFrom?: { readonly agentId: string; readonly version: number };
}

/** Most characters of the last action in a view. Views stay small. */
const ACTION_PREVIEW = 200;

/** The reason of the state of an agent that has no steps left. The next step takes it back. */
const NO_STEPS_LEFT = 'its steps turned out to be those of other agents';

type AgentStatusEvent = DomainEvent<
  | 'agent.created'
  | 'agent.state-changed'
  | 'agent.step-recorded'
  | 'agent.forked'
  | 'agent.described'
  | 'agent.step-withdrawn'
>;

export const agentStatus = defineProjection({
  name: 'agent-status',
  aggregateType: 'agent',
  types: [
    'agent.created',
    'agent.state-changed',
    'agent.step-recorded',
    'agent.forked',
    'agent.described',
    'agent.step-withdrawn',
  ],
  group: { of: (view: AgentStatus) => view.state, values: agentState.options },
  evolve,
});

function evolve(view: AgentStatus | undefined, event: AgentStatusEvent): AgentStatus {
  // Appends without a command exist, so the first event may be of any type.
  const base: AgentStatus = view ?? {
    agentId: event.aggregateId,
    agentType: 'unknown',
    state: 'created',
    createdBy: 'unknown',
    configuration: {},
    steps: 0,
    stateChanges: 0,
    durationMs: 0,
    usage: {},
    ...firstSeen(event),
  };
  const now = { ...base, ...seen(base, event) };
  switch (event.type) {
    case 'agent.created': {
      const { agentType, configuration, createdBy, parentId } = event.data;
      return { ...now, agentType, configuration, createdBy, ...(parentId !== undefined && { parentId }) };
    }
    case 'agent.forked': {
      const { parentId, atVersion, changes } = event.data;
      const configuration = { ...now.configuration, ...changes };
      return {
        ...now,
        agentId: event.aggregateId,
        configuration,
        forkedFrom: { agentId: parentId, version: atVersion },
      };
    }
    case 'agent.state-changed': {
      const { newState, reason, waitingFor, until } = event.data;
      const counted = { ...now, stateChanges: now.stateChanges + 1 };
      if (isBefore(event, now.stateSince)) return counted;
      const { waitingFor: _, until: __, ...rest } = counted;
      const wait = { ...(waitingFor !== undefined && { waitingFor }), ...(until !== undefined && { until }) };
      return { ...rest, state: newState, reason, ...wait, ...since(event) };
    }
    case 'agent.step-recorded': {
      const { action, durationMs = 0, usage = {} } = event.data;
      const isBack = now.reason === NO_STEPS_LEFT;
      return {
        ...now,
        ...(isBack && ({ state: 'running', reason: TELEMETRY_ARRIVES } as const)),
        steps: now.steps + 1,
        durationMs: addAmount(now.durationMs, durationMs),
        usage: addUsage(now.usage, usage),
        ...(isBefore(event, now.lastActionAt) ? {} : { lastAction: preview(action), lastActionAt: event.timestamp }),
      };
    }
    case 'agent.described': {
      const { agentType = now.agentType, parentId } = event.data;
      const configuration = { ...now.configuration, ...event.data.configuration };
      return { ...now, agentType, configuration, ...(parentId !== undefined && { parentId }) };
    }
    case 'agent.step-withdrawn': {
      const { durationMs = 0, usage = {}, last } = event.data;
      const { lastAction: _, lastActionAt: __, ...rest } = now;
      const steps = Math.max(now.steps - 1, 0);
      const isEmpty = steps === 0 && now.state === 'running';
      return {
        ...rest,
        ...(isEmpty && ({ state: 'stopped', reason: NO_STEPS_LEFT } as const)),
        steps,
        durationMs: subtractAmount(now.durationMs, durationMs),
        usage: subtractUsage(now.usage, usage),
        ...(last && { lastAction: preview(last.action), lastActionAt: last.timestamp }),
      };
    }
  }
}

/** Whether an event happened before a moment, if there is one. */
export const isBefore = ({ timestamp }: DomainEvent, moment: string | undefined): boolean =>
  moment !== undefined && Date.parse(timestamp) < Date.parse(moment);

/**
 * The time of a change of state. Nothing says when an agent that telemetry tells of began, so its first state has no time, and
 * gives way to a change at any time.
 */
export const since = ({ data, timestamp }: DomainEvent<'agent.state-changed'>): { readonly stateSince?: string } =>
  data.reason === TELEMETRY_ARRIVES ? {} : { stateSince: timestamp };

/** The start of a text, cut between characters and never inside a surrogate pair. */
function preview(text: string): string {
  const start = text.slice(0, ACTION_PREVIEW);
  return start.isWellFormed() ? start : start.slice(0, -1);
}
