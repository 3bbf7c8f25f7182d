import * as z from 'zod';
import { budgetIdOf } from '../../core/budgets/budget.ts';
import { addWhole, MILLIONTHS, wholeAmount } from '../../core/events/amount.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { isoOf } from '../../core/events/instant.ts';
import { type Counts, defineSharedProjection } from '../../core/projections/shared-projection.ts';
import type { AgentState } from '../../events/agent.ts';
import { standardUsage } from '../../events/usage.ts';
import { isBefore, since } from '../agent/agent-status.ts';
import { taskStatus } from '../task/task-status.ts';

/** The facts of an agent or a task that the count of its next event needs. */
export interface Own {
  /** Of an agent. */
  readonly agentType?: string;
  readonly state?: AgentState;
  /** When the latest change of state happened. */
  readonly stateSince?: string;
  /** It was at work, and has no steps left. */
  readonly emptied?: true;
  readonly steps?: number;
  readonly tokens?: number;
  /** In millionths of a US dollar. */
  readonly cost?: number;
  readonly durationMs?: number;
  /** Of a task. */
  readonly task?: Parameters<typeof taskStatus.evolve>[0];
}

const types = [
  'agent.created',
  'agent.state-changed',
  'agent.step-recorded',
  'agent.forked',
  'agent.described',
  'agent.step-withdrawn',
  'task.requested',
  'task.completed',
  'task.failed',
] as const;
type FleetEvent = DomainEvent<(typeof types)[number]>;
type StepEvent = DomainEvent<'agent.step-recorded' | 'agent.step-withdrawn'>;
type Used = Readonly<Record<'steps' | 'tokens' | 'costUsd' | 'durationMs', number>>;

/**
 * The whole fleet in numbers. View `all`: agents by state; agents, steps, tokens, cost and durations by agent type; tasks
 * by outcome. The first 100 types are counted by name, all others together as `other`. A fork counts as an agent of its
 * parent's type. A view a day (`2026-01-31`, UTC, by the time at which each event happened): events by hour and type, and
 * the usage of steps. By the time at which they were recorded, the hours of a day are counted when asked for. A view a task
 * that steps name: their usage.
 */
export const fleetOverview = defineSharedProjection({
  name: 'fleet-overview',
  types,
  // Every commit of every agent and task adds to one view.
  shards: 8,
  millionths: ['costUsdByType', 'costUsd'],
  named: ['agentsByType', 'stepsByType', 'tokensByType', 'costUsdByType', 'durationMsByType'],
  evolve,
  count: (event: FleetEvent, own: Own | undefined, next: Own) => ({
    ...activity(event),
    ...change(own ?? {}, next),
    ...ofTask(event),
  }),
  recorded: {
    rangeOf: (day) =>
      z.iso.date().safeParse(day).success ? { from: `${day}T00:00:00.000Z`, to: `${day}T23:59:59.999Z` } : undefined,
    count: ({ type, metadata: { recordedAt } }: FleetEvent) => ({ [hourOf(recordedAt)]: { [type]: 1 } }),
  },
});

function evolve(own: Own = {}, event: FleetEvent): Own {
  switch (event.type) {
    case 'agent.created':
      return { ...born(own), agentType: event.data.agentType };
    case 'agent.state-changed': {
      if (isBefore(event, own.stateSince)) return born(own);
      const { emptied: _, ...known } = born(own);
      return { ...known, state: event.data.newState, ...since(event) };
    }
    case 'agent.described':
      return { ...born(own), ...(event.data.agentType && { agentType: event.data.agentType }) };
    case 'agent.step-recorded': {
      const { steps = 0, tokens = 0, cost = 0, durationMs = 0, emptied, ...known } = born(own);
      const used = usedBy(event);
      return {
        ...known,
        ...(emptied && { state: 'running' as const }),
        steps: steps + 1,
        tokens: addWhole(tokens, used.tokens),
        cost: addWhole(cost, used.costUsd),
        durationMs: addWhole(durationMs, used.durationMs),
      };
    }
    case 'agent.step-withdrawn': {
      const { steps = 0, tokens = 0, cost = 0, durationMs = 0, ...known } = born(own);
      const used = usedBy(event);
      const isEmpty = steps <= 1 && known.state === 'running';
      return {
        ...known,
        ...(isEmpty && { state: 'stopped' as const, emptied: true as const }),
        steps: Math.max(steps - 1, 0),
        tokens: Math.max(tokens - used.tokens, 0),
        cost: Math.max(cost - used.costUsd, 0),
        durationMs: Math.max(durationMs - used.durationMs, 0),
      };
    }
    case 'agent.forked': {
      const { agentType = 'unknown', state = 'created' } = event.data;
      return { ...born(own), agentType, state };
    }
    default:
      return { task: taskStatus.evolve(own.task, event) };
  }
}

/** All tokens that the model read and wrote. Output tokens include reasoning. */
const TOKENS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const;

/** Rounds to whole tokens, so that sums are the same in any order. */
const tokensOf = (used: Readonly<Record<string, unknown>>): number =>
  TOKENS.reduce((sum, name) => addWhole(sum, wholeAmount(used[name])), 0);

/** Appends without a command exist, so the first event may be of any type. */
const born = (own: Own): Own => ({ agentType: 'unknown', state: 'created', ...own });

/** The usage of a step as whole numbers, the cost in millionths. */
function usedBy({ data }: StepEvent): Used {
  const used = standardUsage(data.usage ?? {});
  return {
    steps: 1,
    tokens: tokensOf(used),
    costUsd: wholeAmount(used['costUsd'], MILLIONTHS),
    durationMs: wholeAmount(data.durationMs),
  };
}

/** The usage that an event adds, or takes away; nothing for events that are no steps. */
function usage(event: FleetEvent): Partial<Used> {
  if (event.type === 'agent.step-recorded') return usedBy(event);
  if (event.type !== 'agent.step-withdrawn') return {};
  const { steps, tokens, costUsd, durationMs } = usedBy(event);
  return { steps: -steps, tokens: -tokens, costUsd: -costUsd, durationMs: -durationMs };
}

/** The hour in which an event happened, its type, and its usage. */
function activity(event: FleetEvent): Counts {
  const { type, timestamp, metadata } = event;
  const moment = Date.parse(timestamp); // older versions accepted any text
  const happened = Number.isNaN(moment) ? metadata.recordedAt : isoOf(moment);
  return { [happened.slice(0, 10)]: { [hourOf(happened)]: { [type]: 1 }, ...usage(event) } };
}

/** The usage of a step that names its task. */
function ofTask(event: FleetEvent): Counts {
  const isStep = event.type === 'agent.step-recorded' || event.type === 'agent.step-withdrawn';
  return isStep && event.data.taskId !== undefined
    ? { [budgetIdOf('task', event.data.taskId)]: { ...usage(event) } }
    : {};
}

const hourOf = (time: string): string => time.slice(11, 13);

/** The change of the overview when the share of a stream changes: the old share is subtracted, the new share added. */
const change = (before: Own, after: Own): Counts => ({ all: { ...sum(share(before, -1), share(after, 1)) } });

type Share = Record<string, number>;

function share(
  { agentType, state, steps = 0, tokens = 0, cost = 0, durationMs = 0, task }: Own,
  sign: 1 | -1,
): Record<string, Share> {
  if (task) return { tasks: { [task.state]: sign } };
  if (agentType === undefined || state === undefined) return {};
  return {
    agents: { [state]: sign },
    agentsByType: { [agentType]: sign },
    stepsByType: { [agentType]: sign * steps },
    tokensByType: { [agentType]: sign * tokens },
    costUsdByType: { [agentType]: sign * cost },
    durationMsByType: { [agentType]: sign * durationMs },
  };
}

function sum(a: Record<string, Share>, b: Record<string, Share>): Record<string, Share> {
  const total: Record<string, Share> = { ...a };
  for (const [name, own] of Object.entries(b)) {
    const known = total[name] ?? {};
    const added = Object.entries(own).map(([key, n]) => [key, (Object.hasOwn(known, key) ? (known[key] ?? 0) : 0) + n]);
    total[name] = { ...known, ...Object.fromEntries(added) };
  }
  return total;
}
