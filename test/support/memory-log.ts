import type { LogPage } from '../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../core/log/storage.ts';

/** A simple log storage in a Map, for unit tests. */
export class MemoryLogStorage implements LogStorage {
  readonly #partitions = new Map<string, Map<number, LogPage>>();
  readonly #marks = new Map<string, number>();

  async put(page: LogPage): Promise<LogPage | undefined> {
    const pages = this.#partitions.get(page.partition) ?? new Map<number, LogPage>();
    const occupant = pages.get(page.page);
    if (!occupant) this.#partitions.set(page.partition, pages.set(page.page, page));
    return occupant;
  }

  async last(partition: string): Promise<LogPage | undefined> {
    return this.#sorted(partition).at(-1);
  }

  async *read(partition: string, { after, limit }: PageRange): AsyncGenerator<LogPage> {
    yield* this.#sorted(partition)
      .filter(({ page }) => page > after)
      .slice(0, limit);
  }

  async expire(partition: string, first: number, last: number): Promise<void> {
    for (let page = first; page <= last; page++) this.#partitions.get(partition)?.delete(page);
  }

  async marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(keys.flatMap((key) => (this.#marks.has(key) ? [[key, this.#marks.get(key) ?? 0]] : [])));
  }

  async raiseMarks(marks: ReadonlyMap<string, number>): Promise<void> {
    for (const [key, mark] of marks) this.#marks.set(key, Math.max(mark, this.#marks.get(key) ?? 0));
  }

  #sorted(partition: string): LogPage[] {
    return [...(this.#partitions.get(partition)?.values() ?? [])].toSorted((a, b) => a.page - b.page);
  }
}

interface Expired {
  readonly partition: string;
  readonly page: number;
  readonly at: number;
}

/**
 * A storage that removes expired pages on request of the test, in any order, as DynamoDB does after their expiry.
 */
export class LazyLogStorage extends MemoryLogStorage {
  readonly #expired: Expired[] = [];
  readonly #known = new Set<string>();
  readonly #graceMs: number;
  readonly #now: () => number;

  /** @param graceMs the minimum time that an expired page stays, milliseconds */
  constructor(graceMs = 0, now: () => number = () => 0) {
    super();
    this.#graceMs = graceMs;
    this.#now = now;
  }

  override async expire(partition: string, first: number, last: number): Promise<void> {
    for (let page = first; page <= last; page++) {
      if (this.#known.has(`${partition} ${page}`)) continue;
      this.#known.add(`${partition} ${page}`);
      this.#expired.push({ partition, page, at: this.#now() });
    }
  }

  /** The number of removable pages. */
  get removable(): number {
    const until = this.#now() - this.#graceMs;
    const kept = this.#expired.findIndex(({ at }) => at > until);
    return kept < 0 ? this.#expired.length : kept;
  }

  /** Removes one of the removable pages for good. */
  async remove(index: number): Promise<void> {
    const [gone] = index < this.removable ? this.#expired.splice(index, 1) : [];
    if (gone) await super.expire(gone.partition, gone.page, gone.page);
  }
}

/** A storage that forwards every call, for tests that replace some calls. */
export const forwarding = (storage: LogStorage): LogStorage => ({
  put: (page) => storage.put(page),
  last: (partition) => storage.last(partition),
  read: (partition, range) => storage.read(partition, range),
  expire: (...pages) => storage.expire(...pages),
  marks: (keys) => storage.marks(keys),
  raiseMarks: (...marks) => storage.raiseMarks(...marks),
});

/** Removes expired pages immediately. */
export function dropping(storage: LogStorage): LogStorage {
  const gone = new Set<number>();
  return {
    ...forwarding(storage),
    async *read(partition, range) {
      for await (const page of storage.read(partition, { ...range, limit: 1_000 }))
        if (!gone.has(page.page)) yield page;
    },
    async expire(partition, first, last) {
      await storage.expire(partition, first, last);
      for (let page = first; page <= last; page++) gone.add(page);
    },
  };
}
