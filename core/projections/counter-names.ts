import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { StoredView } from './projection.ts';
import { type AnySharedProjection, type Increments, namesOf, pathOf, Tally } from './shared-projection.ts';
import type { ViewStore } from './view-store.ts';

/** Stands for every name that found no room. A caller's name that reads the same is counted with them. */
const OTHER = 'other';
/** Most names that callers chose in the views of a projection, and most bytes of them. */
const MAX_NAMES = 100;
const MAX_BYTES = 4_096;

/** Where the names stand in the store of views: beside the generations, since all of them count alike. */
const GENERATION = 0;
/** No stream's checkpoint has such a key. */
const KEY = '=names';

const content = z.object({ names: z.array(z.string()) });

/**
 * The names that callers chose, such as types of products, that the views of a shared projection count by. First come, first
 * served: a name is only ever added, so one that found no room never finds any, and an event is counted under the same name
 * whenever it is counted: live, in a rebuild, in a verification, at a time in the past.
 */
export class CounterNames {
  readonly #views: Pick<ViewStore, 'get' | 'put'>;
  /** What this process knows of each projection's names. It may lack the newest. */
  readonly #known = new Map<string, StoredNames>();

  constructor(views: Pick<ViewStore, 'get' | 'put'>) {
    this.#views = views;
  }

  /**
   * Increments as they are to be written: new names get room while there is some, before anything is counted under them.
   * @throws UnavailableError
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

/** The name in a counter's path that a caller chose. */
function chosenIn({ named = [] }: AnySharedProjection, path: string): string | undefined {
  const [member, name] = namesOf(path);
  return member !== undefined && named.includes(member) ? name : undefined;
}

/** The names that callers chose, in an order that does not depend on that of the events. */
function namesIn(projection: AnySharedProjection, increments: Increments): readonly string[] {
  const chosen = increments.values().flatMap((counters) => counters.keys().map((path) => chosenIn(projection, path)));
  return [...new Set(chosen.filter((name) => name !== undefined))].toSorted();
}

/** The names that are there, and those of others that find room. */
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

/** The same amounts, those under names without room under one. */
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
