import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { StoredView } from './projection.ts';
import { type AnySharedProjection, type Increments, namesOf, pathOf, Tally } from './shared-projection.ts';
import type { ViewStore } from './view-store.ts';

/** The counter of all names without room. A caller's name with the same text is counted there, too. */
const OTHER = 'other';
/** Most names from callers in the views of a projection, and most bytes of these names. */
const MAX_NAMES = 100;
const MAX_BYTES = 4_096;

/**
 * The place of the names in the store of views: beside the generations, because all generations count by the same
 * names.
 */
const GENERATION = 0;
/** The key of the names. No checkpoint of a stream has this key. */
const KEY = '=names';

const content = z.object({ names: z.array(z.string()) });

/**
 * The counter names that callers choose, such as types of products, in the views of a shared projection. The first
 * names get counters. Names are only added, so a name without room never gets room later. So an event always counts
 * under the same name: live, in a rebuild, in a verification, at a time in the past.
 */
export class CounterNames {
  readonly #views: Pick<ViewStore, 'get' | 'put'>;
  /** The names of each projection at the last read. The newest names may be missing. */
  readonly #known = new Map<string, StoredNames>();

  constructor(views: Pick<ViewStore, 'get' | 'put'>) {
    this.#views = views;
  }

  /**
   * Increments ready to write. New names are stored while there is room, before an event is counted under them.
   * @throws UnavailableError
   * @throws CorruptDataError when the stored names cannot be read
   */
  async admit(projection: AnySharedProjection, increments: Increments): Promise<Increments> {
    if (!projection.named) return increments;
    const met = namesIn(projection, increments);
    return untilSettled(async () => {
      const known = this.#known.get(projection.name) ?? (await this.#load(projection));
      const names = withRoom(known.names, met);
      if (names.length === known.names.length) return bounded(projection, increments, names);
      const next = { version: known.version + 1, names };
      if (await this.#views.put(stored(projection, next.version, names), known.version)) {
        this.#known.set(projection.name, next);
      } else this.#known.delete(projection.name); // another process was faster
      return undefined;
    });
  }

  /**
   * Increments as {@link admit} has them, for readers: nothing is written.
   * @param fresh whether the names are read again that an earlier call read
   * @throws UnavailableError, CorruptDataError
   */
  async bound(projection: AnySharedProjection, increments: Increments, { fresh = true } = {}): Promise<Increments> {
    if (!projection.named) return increments;
    const known = fresh ? undefined : this.#known.get(projection.name);
    const { names } = known ?? (await this.#load(projection));
    return bounded(projection, increments, withRoom(names, namesIn(projection, increments)));
  }

  async #load({ name }: AnySharedProjection): Promise<StoredNames> {
    const { version, view } = (await this.#views.get(name, GENERATION, KEY)) ?? { version: 0, view: { names: [] } };
    const read = content.safeParse(view);
    if (!read.success)
      throw new CorruptDataError(`the names that ${name} counts by cannot be read`, { cause: read.error });
    const found = { version, names: read.data.names };
    this.#known.set(name, found);
    return found;
  }
}

interface StoredNames {
  readonly version: number;
  readonly names: readonly string[];
}

const stored = ({ name }: AnySharedProjection, version: number, names: readonly string[]): StoredView => ({
  ...{ projection: name, generation: GENERATION, key: KEY, version, group: '' },
  view: { names: [...names] },
});

/** The name of a caller in a counter's path; undefined when the path has none. */
function chosenIn({ named = [] }: AnySharedProjection, path: string): string | undefined {
  const [member, name] = namesOf(path);
  return member !== undefined && named.includes(member) ? name : undefined;
}

/** The names of callers in increments, sorted, so that the order of the events does not matter. */
function namesIn(projection: AnySharedProjection, increments: Increments): readonly string[] {
  const chosen = increments.values().flatMap((counters) => counters.keys().map((path) => chosenIn(projection, path)));
  return [...new Set(chosen.filter((name) => name !== undefined))].toSorted();
}

/** The present names, and the other names that find room. */
function withRoom(there: readonly string[], others: readonly string[]): readonly string[] {
  const names = new Set(there);
  let bytes = there.reduce((sum, name) => sum + Buffer.byteLength(name), 0);
  for (const name of others) {
    const own = Buffer.byteLength(name);
    if (name === OTHER || names.has(name) || names.size >= MAX_NAMES || bytes + own > MAX_BYTES) continue;
    names.add(name);
    bytes += own;
  }
  return [...names];
}

/** The same amounts, with all names without room under `other`. */
function bounded(projection: AnySharedProjection, increments: Increments, names: readonly string[]): Increments {
  const room = new Set(names);
  if (namesIn(projection, increments).every((name) => room.has(name))) return increments;
  const tally = new Tally();
  for (const [key, counters] of increments) {
    for (const [path, amount] of counters) {
      const name = chosenIn(projection, path);
      const [member = '', _, ...rest] = namesOf(path);
      const kept = name === undefined || room.has(name) ? path : pathOf([member, OTHER, ...rest]);
      tally.merge(new Map([[key, new Map([[kept, amount]])]]));
    }
  }
  return tally.increments();
}
