import { forCaller, turn } from '../../../core/base/turns.ts';
import type { Stretch } from '../../../core/state/lineage.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import { type Alignment, align } from './alignment.ts';
import type { Deeds } from './deed.ts';
import { type Deed, Numbers, type RunTotals, readRun } from './run.ts';

export const rowKinds = ['same', 'changed', 'added', 'removed'] as const;
type RowKind = (typeof rowKinds)[number];

/** An event of one run beside its counterpart in the other run. */
export interface Row {
  readonly kind: RowKind;
  readonly left: Deed | undefined;
  readonly right: Deed | undefined;
}

/** Two runs side by side. */
export interface Comparison {
  readonly rows: readonly Row[];
  readonly counts: Readonly<Record<RowKind, number>>;
  /** False when the runs differ too much; see {@link Alignment}. */
  readonly aligned: boolean;
  readonly left: RunTotals;
  readonly right: RunTotals;
}

/** Comparisons that a process keeps, for the pages of an answer. */
const KEPT = 4;
const kept = new WeakMap<EventStore, Map<string, Promise<Comparison>>>();

/**
 * Compares two runs. The pages of an answer share one comparison: events never change, so the places of two runs name
 * their comparison. It goes on when its first caller has gone, for the others.
 * @throws PayloadTooLargeError for a run of too many events
 */
export function comparisonOf(
  store: EventStore,
  seen: Deeds,
  left: readonly Stretch[],
  right: readonly Stretch[],
): Promise<Comparison> {
  const known = kept.get(store) ?? new Map<string, Promise<Comparison>>();
  kept.set(store, known);
  const key = JSON.stringify([left, right]);
  const comparison = known.get(key) ?? forCaller(undefined, () => compare(store, seen, left, right));
  known.delete(key); // inserted again, so the newest is the last entry
  known.set(key, comparison);
  comparison.catch(() => known.delete(key));
  for (const old of [...known.keys()].slice(0, -KEPT)) known.delete(old);
  return comparison;
}

async function compare(
  store: EventStore,
  seen: Deeds,
  left: readonly Stretch[],
  right: readonly Stretch[],
): Promise<Comparison> {
  const numbers = new Numbers();
  const own = await readRun(store, seen, left, numbers);
  const other = await readRun(store, seen, right, numbers);
  const actions = (deeds: readonly Deed[]) => deeds.map(({ action }) => action);
  await turn();
  const { pairs, aligned } = await align(actions(own.deeds), actions(other.deeds));
  await turn();
  const rows = rowsOf(own.deeds, other.deeds, pairs);
  await turn();
  const counts = { same: 0, changed: 0, added: 0, removed: 0 };
  for (const { kind } of rows) counts[kind] += 1;
  return { rows, counts, aligned, left: own.totals, right: other.totals };
}

function rowsOf(left: readonly Deed[], right: readonly Deed[], pairs: Alignment['pairs']): Row[] {
  const rows: Row[] = [];
  let [from, to] = [0, 0];
  for (const [own, other] of [...pairs, [left.length, right.length] as const]) {
    for (const row of gapRows(left.slice(from, own), right.slice(to, other))) rows.push(row);
    const [a, b] = [left[own], right[other]];
    if (a && b) rows.push(rowOf(a, b));
    [from, to] = [own + 1, other + 1];
  }
  return rows;
}

/** The rows between two pairs: events of one type at the same place are one changed event. */
function* gapRows(left: readonly Deed[], right: readonly Deed[]): Generator<Row> {
  for (let place = 0; place < Math.max(left.length, right.length); place += 1) {
    const [a, b] = [left[place], right[place]];
    if (a && b && a.type === b.type) yield rowOf(a, b);
    else {
      if (a) yield { kind: 'removed', left: a, right: undefined };
      if (b) yield { kind: 'added', left: undefined, right: b };
    }
  }
}

const rowOf = (left: Deed, right: Deed): Row => ({
  kind: left.whole === right.whole ? 'same' : 'changed',
  left,
  right,
});
