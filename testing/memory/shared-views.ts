import { shownCounts } from '../../core/projections/shared-projection.ts';
import type {
  Addition,
  CheckpointWrite,
  CounterValues,
  Ranked,
  SharedPlace,
  SharedViewStore,
} from '../../core/projections/shared-view-store.ts';
import type { MemoryViewStore } from './views.ts';

/** A simple store of shared views in a Map, with checkpoints in another store in memory, for unit tests. */
export class MemorySharedViews implements SharedViewStore {
  readonly #views: MemoryViewStore;
  readonly #counters = new Map<string, Map<string, Map<string, bigint>>>();

  constructor(views: MemoryViewStore) {
    this.#views = views;
  }

  async add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean> {
    const { projection, generation, increments } = addition;
    if (!this.#views.putAll(checkpoints)) return false;
    const place = `${projection}/${generation}`;
    const views = this.#counters.get(place) ?? new Map<string, Map<string, bigint>>();
    this.#counters.set(place, views);
    for (const [key, counters] of increments) {
      const counts = views.get(key) ?? new Map<string, bigint>();
      views.set(key, counts);
      for (const [path, amount] of counters) counts.set(path, (counts.get(path) ?? 0n) + amount);
    }
    return true;
  }

  async read({ projection, generation }: SharedPlace, key: string): Promise<CounterValues | undefined> {
    const counts = this.#counters.get(`${projection}/${generation}`)?.get(key);
    return counts && shownCounts(new Map([[key, counts]])).get(key);
  }

  async top(place: SharedPlace, rank: string, limit: number): Promise<readonly Ranked[]> {
    const views = this.#shown(place.projection, place.generation);
    const path = `/${rank}`;
    return [...views]
      .filter(([, counters]) => counters.has(path))
      .toSorted(([a, x], [b, y]) => (y.get(path) ?? 0) - (x.get(path) ?? 0) || (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, counters]) => ({ key, counters }));
  }

  #shown(projection: string, generation: number): ReadonlyMap<string, CounterValues> {
    return shownCounts(this.#counters.get(`${projection}/${generation}`) ?? new Map());
  }

  async *keys({ projection, generation }: SharedPlace): AsyncIterable<string> {
    yield* this.#counters.get(`${projection}/${generation}`)?.keys() ?? [];
  }

  async remove({ projection, generation }: SharedPlace): Promise<void> {
    this.#counters.delete(`${projection}/${generation}`);
  }
}
