import type { StoredView } from '../../core/projection.ts';
import { encodeView, type ViewPage, type ViewStore } from '../../core/view-store.ts';

/** Views in a Map: the port at its simplest, for unit tests. */
export class MemoryViewStore implements ViewStore {
  readonly #views = new Map<string, StoredView>();

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    return this.#views.get(`${projection}/${generation}/${key}`);
  }

  async put(view: StoredView, expectedVersion: number): Promise<boolean> {
    const id = `${view.projection}/${view.generation}/${view.key}`;
    encodeView(view); // for its limit
    if ((this.#views.get(id)?.version ?? 0) !== expectedVersion) return false;
    this.#views.set(id, structuredClone(view));
    return true;
  }

  async list(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: { limit: number; after?: string | undefined },
  ): Promise<ViewPage> {
    const all = [...this.#views.values()]
      .filter((view) => view.projection === projection && view.generation === generation && view.group === group)
      .filter((view) => view.group !== '' && view.key > after)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const views = all.slice(0, limit);
    const last = views.at(-1);
    return all.length > limit && last ? { views, next: last.key } : { views };
  }
}
