import type { LogPage } from '../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../core/log/storage.ts';

/** Pages in a Map: the port at its simplest, for unit tests. */
export class MemoryLogStorage implements LogStorage {
  readonly #partitions = new Map<string, Map<number, LogPage>>();

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

  #sorted(partition: string): LogPage[] {
    return [...(this.#partitions.get(partition)?.values() ?? [])].toSorted((a, b) => a.page - b.page);
  }
}
