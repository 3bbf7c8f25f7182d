import { ValidationError } from '../base/errors.ts';
import { assertId } from '../base/stream-id.ts';
import { MAX_SUM, MILLIONTHS } from '../events/amount.ts';
import type { Catalogue, DomainEvent, EventType } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';

/** Counters by name, nested as the view shows them. */
export interface Counters {
  readonly [name: string]: number | Counters;
}

/** The increments of an event, by the keys of views. Whole numbers, so that sums are the same in any order. */
export interface Counts {
  readonly [key: string]: Counters;
}

/**
 * A declaration of a read model that many streams feed. Its views are sums. It keeps a small memory of each stream
 * (`evolve`, a fold), and each event adds to counters (`count`). So the order between streams does not matter, and only
 * a stream's checkpoint and its increments must be written together.
 */
export interface SharedProjection<Own extends object = JsonObject, Type extends EventType = EventType> {
  /** Name in URLs and keys. */
  readonly name: string;
  readonly types: readonly Type[];
  /**
   * The memory of a stream, for counting its next events. Keep it small, because it is written with each commit. Pure.
   */
  evolve(own: Own | undefined, event: DomainEvent<Type>): Own;
  /**
   * The increments of an event, also below zero. `own` is the memory before the event, `next` the memory after it.
   * Pure.
   */
  count(event: DomainEvent<Type>, own: Own | undefined, next: Own): Counts;
  /**
   * The number of items of a view, 1 to 20. Readers fetch all items and add them up. An item takes 1,000 write units a
   * second (a quota of DynamoDB). An addition costs 2 units for each KB of the item, for one event or for a batch.
   */
  readonly shards: number;
  /** Members of the views that count millionths: readers get them as numbers with up to six decimals. */
  readonly millionths?: readonly string[];
  /**
   * Members of the views whose counters have names from callers, such as types of products. The first 100 names (4 KB)
   * have counters. All further names are counted together as `other`.
   */
  readonly named?: readonly string[];
  /** The counter by which views are listed, highest first; only with one shard. */
  readonly rank?: string;
  /** Views of a range of time, such as a day, also by the time at which events were recorded. */
  readonly recorded?: RecordedViews<Type>;
}

/** Views by the time at which events were recorded. They are not stored: each is counted from the log when asked for. */
export interface RecordedViews<Type extends EventType = EventType> {
  /** The recorded times of the view of a key, ISO 8601, both included; undefined for other views. */
  rangeOf(key: string): { readonly from: string; readonly to: string } | undefined;
  /** The increments of an event in this range. Pure. */
  count(event: DomainEvent<Type>): Counters;
}

/** Declares a shared projection. @throws Error for shards outside 1 to 20, or a rank with several shards */
export function defineSharedProjection<Own extends object, const Type extends EventType>(
  projection: SharedProjection<Own, Type>,
): SharedProjection<Own, Type> {
  const { name, shards, rank } = projection;
  if (!Number.isInteger(shards) || shards < 1 || shards > 20) throw new Error(`projection ${name}: shards are 1 to 20`);
  if (rank !== undefined && shards > 1) throw new Error(`projection ${name}: a ranked projection has one shard`);
  return projection;
}

// biome-ignore lint/suspicious/noExplicitAny: as for AnyProjection
export type AnySharedProjection = SharedProjection<any, any>;

/** The declared aggregate types whose streams feed a shared projection. */
export const homesOf = ({ types }: AnySharedProjection, { definitions }: Catalogue): readonly string[] => [
  ...new Set(definitions.filter(({ type }) => types.includes(type)).map(({ aggregateType }) => aggregateType)),
];

/**
 * Whole numbers to add to counters, by view key and then by the counter's path as a JSON pointer (RFC 6901). They have
 * no limit: sums are exact, so that they are the same in any order. Only the shown value is limited.
 */
export type Increments = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

/** The largest shown value of a counter, above and below zero; it means "this much or more". */
const MAX_SHOWN = BigInt(MAX_SUM);

/**
 * The shown value of a counter: exact up to {@link MAX_SUM}, and never more, because JSON carries no larger whole
 * number.
 */
export function shownCount(total: bigint): number {
  if (total > MAX_SHOWN) return MAX_SUM;
  return total < -MAX_SHOWN ? -MAX_SUM : Number(total);
}

/** The shown values of counters. */
export const shownCounts = (increments: Increments): ReadonlyMap<string, ReadonlyMap<string, number>> =>
  new Map([...increments].map(([key, own]) => [key, new Map([...own].map(([path, n]) => [path, shownCount(n)]))]));

/** Adds up the counts of events. Counters with a sum of 0 are omitted. */
export class Tally {
  readonly #views = new Map<string, Map<string, bigint>>();

  /**
   * Adds the counts of an event. A count beyond {@link MAX_SUM} counts as {@link MAX_SUM}; older versions accepted such
   * amounts.
   * @throws ValidationError when a count is no whole number
   * @throws InvalidIdError when a key is no id
   */
  add(counts: Counts): void {
    for (const [key, counters] of Object.entries(counts)) {
      assertId(key);
      for (const [path, count] of leaves(counters)) this.#add(key, path, whole(count, `${key}${path}`));
    }
  }

  /** Adds increments. */
  merge(increments: Increments): void {
    for (const [key, counters] of increments) for (const [path, amount] of counters) this.#add(key, path, amount);
  }

  /** The sums so far. */
  increments(): Increments {
    const kept = [...this.#views].map(([key, own]) => [key, new Map([...own].filter(([, n]) => n !== 0n))] as const);
    return new Map(kept.filter(([, own]) => own.size > 0));
  }

  #add(key: string, path: string, amount: bigint): void {
    const own = this.#views.get(key) ?? new Map<string, bigint>();
    this.#views.set(key, own.set(path, (own.get(path) ?? 0n) + amount));
  }
}

function whole(count: number, place: string): bigint {
  const bounded = Math.min(Math.max(count, -MAX_SUM), MAX_SUM);
  if (Number.isSafeInteger(bounded)) return BigInt(bounded);
  throw new ValidationError([{ path: place, message: `counts ${count}; counts are whole numbers` }]);
}

function* leaves(counters: Counters, prefix = ''): Generator<[path: string, amount: number]> {
  for (const [name, value] of Object.entries(counters)) {
    const path = `${prefix}${pathOf([name])}`;
    if (typeof value === 'number') yield [path, value];
    else yield* leaves(value, path);
  }
}

/** The path of a counter: a JSON pointer (RFC 6901). */
export const pathOf = (names: readonly string[]): string =>
  names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The names in a counter's path. */
export const namesOf = (path: string): string[] =>
  path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

/**
 * The view of counters, its members in the order of their names; undefined when all counters are 0.
 * @param projection the projection of the view, for its millionths; without it they stay whole numbers
 */
export function treeOf(
  counters: ReadonlyMap<string, number>,
  { millionths = [] }: Pick<AnySharedProjection, 'millionths'> = {},
): Counters | undefined {
  const root: Record<string, number | Counters> = {};
  for (const [path, value] of [...counters].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === 0) continue;
    const names = namesOf(path);
    let node = root;
    for (const name of names.slice(0, -1)) node = own(node, name);
    const shown = millionths.includes(names[0] ?? '') ? value / MILLIONTHS : value;
    Object.defineProperty(node, names.at(-1) ?? '', { value: shown, enumerable: true });
  }
  return Object.keys(root).length === 0 ? undefined : root;
}

/** The branch of a name, created if missing. It is defined and not assigned, because a name may be `__proto__`. */
function own(node: Record<string, number | Counters>, name: string): Record<string, number | Counters> {
  if (!Object.hasOwn(node, name)) Object.defineProperty(node, name, { value: {}, enumerable: true });
  return node[name] as Record<string, number | Counters>;
}
