import { ValidationError } from '../base/errors.ts';
import { assertId } from '../base/stream-id.ts';
import { MAX_SUM, MILLIONTHS } from '../events/amount.ts';
import type { Catalogue, DomainEvent, EventType } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';

/** Counters by name, nested as the view shows them. */
export interface Counters {
  readonly [name: string]: number | Counters;
}

/** What an event adds to views, by their keys. Whole numbers: sums of them are the same in any order. */
export interface Counts {
  readonly [key: string]: Counters;
}

/**
 * A read model fed by many streams, declared once. Its views are sums: of each stream it remembers a little (`evolve`, a
 * fold like any other), and each event adds to counters (`count`). So the order between streams cannot matter, and a
 * stream's checkpoint together with what it added is all that has to be written at once.
 */
export interface SharedProjection<Own extends object = JsonObject, Type extends EventType = EventType> {
  /** Name in URLs and keys. */
  readonly name: string;
  readonly types: readonly Type[];
  /** What is remembered of a stream, to count its next events right; small, for it is written with each. Pure. */
  evolve(own: Own | undefined, event: DomainEvent<Type>): Own;
  /** What the event adds to the views, which takes numbers below zero, too. `own` is as it was before it. Pure. */
  count(event: DomainEvent<Type>, own: Own | undefined, next: Own): Counts;
  /**
   * Items that a view is spread over, 1 to 20; readers fetch all and add them up. An item takes 1,000 write units a second
   * (a quota of DynamoDB) and an addition costs 2 a KB of it, whether it is for one event or for a batch of them.
   */
  readonly shards: number;
  /** Members of the views that count millionths: readers get them as numbers with up to six decimals. */
  readonly millionths?: readonly string[];
  /**
   * Members of the views that count by names which callers choose, such as types of products. The first 100 names (4 KB) have
   * counters; all further ones are counted together, as `other`.
   */
  readonly named?: readonly string[];
  /** Views are listed by this counter of theirs, highest first; only with one shard. */
  readonly rank?: string;
}

/** Declares a shared projection; checks what the types cannot. */
export function defineSharedProjection<Own extends object, const Type extends EventType>(
  projection: SharedProjection<Own, Type>,
): SharedProjection<Own, Type> {
  const { name, shards, rank } = projection;
  if (!Number.isInteger(shards) || shards < 1 || shards > 20) throw new Error(`projection ${name}: shards are 1 to 20`);
  if (rank !== undefined && shards > 1) throw new Error(`projection ${name}: what is ranked has one shard`);
  return projection;
}

// biome-ignore lint/suspicious/noExplicitAny: as for AnyProjection
export type AnySharedProjection = SharedProjection<any, any>;

/** The aggregates whose streams feed a shared projection. */
export const homesOf = ({ types }: AnySharedProjection, { definitions }: Catalogue): readonly string[] => [
  ...new Set(definitions.filter(({ type }) => types.includes(type)).map(({ aggregateType }) => aggregateType)),
];

/**
 * Whole numbers to add to counters, by view key and then by the counter's path as a JSON pointer (RFC 6901). They have no
 * bound: what many streams add up to is kept exactly, so that it is the same in any order, and bounded where it is shown.
 */
export type Increments = ReadonlyMap<string, ReadonlyMap<string, bigint>>;

/** Most that a counter shows, either way of zero; it stands for "this much or more". */
const MAX_SHOWN = BigInt(MAX_SUM);

/** A counter as readers get it: exact up to {@link MAX_SUM}, and never more, since JSON carries no larger whole number. */
export function shownCount(total: bigint): number {
  if (total > MAX_SHOWN) return MAX_SUM;
  return total < -MAX_SHOWN ? -MAX_SUM : Number(total);
}

/** Counters as readers get them. */
export const shownCounts = (increments: Increments): ReadonlyMap<string, ReadonlyMap<string, number>> =>
  new Map([...increments].map(([key, own]) => [key, new Map([...own].map(([path, n]) => [path, shownCount(n)]))]));

/** Adds up what events count. What comes to nothing is left out. */
export class Tally {
  readonly #views = new Map<string, Map<string, bigint>>();

  /**
   * A count past {@link MAX_SUM} counts as that much: what one event adds is bounded, whatever older versions let in.
   * @throws ValidationError, InvalidIdError when a count is no whole number, a key no id
   */
  add(counts: Counts): void {
    for (const [key, counters] of Object.entries(counts)) {
      assertId(key);
      for (const [path, count] of leaves(counters)) this.#add(key, path, whole(count, `${key}${path}`));
    }
  }

  merge(increments: Increments): void {
    for (const [key, counters] of increments) for (const [path, amount] of counters) this.#add(key, path, amount);
  }

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

/** The names that a counter's path leads through. */
export const namesOf = (path: string): string[] =>
  path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

/**
 * The view that counters make up, its members in the order of their names; undefined when all of them are at nothing.
 * @param projection whose view it is, for what counts millionths; without it they stay whole numbers
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

/** The branch of a name, made if need be; defined, not assigned, since a name may be `__proto__`. */
function own(node: Record<string, number | Counters>, name: string): Record<string, number | Counters> {
  if (!Object.hasOwn(node, name)) Object.defineProperty(node, name, { value: {}, enumerable: true });
  return node[name] as Record<string, number | Counters>;
}
