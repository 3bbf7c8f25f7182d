import type { LogPage } from '../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../core/log/storage.ts';

/** Pages in a Map: the port at its simplest, for unit tests. */
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

/** A storage that removes expired pages when it is told, one by one, in any order: as DynamoDB does once their time is up. */
export class LazyLogStorage extends MemoryLogStorage {
  readonly #expired: { readonly partition: string; readonly page: number }[] = [];
  readonly #known = new Set<string>();

  override async expire(partition: string, first: number, last: number): Promise<void> {
    for (let page = first; page <= last; page++) {
      if (this.#known.has(`${partition} ${page}`)) continue;
      this.#known.add(`${partition} ${page}`);
      this.#expired.push({ partition, page });
    }
  }

  /** The number of expired pages that are still there. */
  get expired(): number {
    return this.#expired.length;
  }

  /** Removes an expired page for good. */
  async remove(index: number): Promise<void> {
    const [gone] = this.#expired.splice(index, 1);
    if (gone) await super.expire(gone.partition, gone.page, gone.page);
  }
}

/** A storage that hands every call on, for tests that change some of them. */
export const forwarding = (storage: LogStorage): LogStorage => ({
  put: (page) => storage.put(page),
  last: (partition) => storage.last(partition),
  read: (partition, range) => storage.read(partition, range),
  expire: (...pages) => storage.expire(...pages),
  marks: (keys) => storage.marks(keys),
  raiseMarks: (...marks) => storage.raiseMarks(...marks),
});
