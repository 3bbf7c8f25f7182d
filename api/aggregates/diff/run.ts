import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Cost } from '../../../application/aggregate.ts';
import { PayloadTooLargeError } from '../../../core/base/errors.ts';
import { turn } from '../../../core/base/turns.ts';
import { addAmount } from '../../../core/events/amount.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { addUsage } from '../../../core/projections/usage-sums.ts';
import { eventsOf, type Stretch } from '../../../core/state/lineage.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import { type Deeds, plain } from './deed.ts';

/** An event of a run, as far as a comparison needs it. Equal texts have equal numbers. */
export interface Deed {
  readonly stream: string;
  readonly version: number;
  readonly type: number;
  /** Type and action. */
  readonly action: number;
  /** Everything that counts in a comparison. */
  readonly whole: number;
}

/** The sums over the steps of a run. */
export interface RunTotals {
  readonly steps: number;
  readonly durationMs: number;
  readonly usage: Readonly<Record<string, number>>;
}

export interface Run {
  readonly deeds: readonly Deed[];
  readonly totals: RunTotals;
}

/** Most events of a run that is compared: a run of so many takes about 5 MB while its comparison is kept. */
export const MAX_EVENTS = 25_000;

/** Numbers for texts, in the order of their first use. Two runs share one list, so that their numbers can be compared. */
export class Numbers {
  readonly #known = new Map<string, number>();

  of(text: string): number {
    const number = this.#known.get(text) ?? this.#known.size;
    this.#known.set(text, number);
    return number;
  }
}

/** Reads a run. @throws PayloadTooLargeError over {@link MAX_EVENTS} events */
export async function readRun(
  store: EventStore,
  seen: Deeds,
  stretches: readonly Stretch[],
  numbers: Numbers,
): Promise<Run> {
  const count = stretches.reduce((sum, { from, to }) => sum + Math.max(0, to - from + 1), 0);
  if (count > MAX_EVENTS) {
    throw new PayloadTooLargeError(`a run of ${count} events is too long to compare; the most is ${MAX_EVENTS}`);
  }
  const deeds: Deed[] = [];
  let totals: RunTotals = { steps: 0, durationMs: 0, usage: {} };
  for await (const event of eventsOf(store, stretches)) {
    deeds.push(deedIn(event, seen, numbers));
    totals = withCost(totals, seen.costOf(event));
    await turn();
  }
  return { deeds, totals };
}

function deedIn(event: DomainEvent, seen: Deeds, numbers: Numbers): Deed {
  const { type, aggregateType, aggregateId, sequenceNumber } = event;
  return {
    stream: `${aggregateType}-${aggregateId}`,
    version: sequenceNumber,
    type: numbers.of(type),
    action: numbers.of(hashOf([type, plain(seen.actionOf(event))])),
    whole: numbers.of(hashOf([type, plain(seen.of(event))])),
  };
}

/** 16 bytes of a hash, so that long texts take no memory. */
const hashOf = (value: unknown): string =>
  createHash('sha256')
    .update(canonicalize(value) ?? '')
    .digest()
    .toString('base64', 0, 16);

function withCost(totals: RunTotals, cost: Cost | undefined): RunTotals {
  if (!cost) return totals;
  const { durationMs = 0, usage = {} } = cost;
  return {
    steps: totals.steps + 1,
    durationMs: addAmount(totals.durationMs, durationMs),
    usage: addUsage(totals.usage, usage),
  };
}
