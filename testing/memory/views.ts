import { type ListEntry, listPlace } from '../../core/projections/entries.ts';
import type { Parked } from '../../core/projections/parked.ts';
import type { StoredView } from '../../core/projections/projection.ts';
import type { CheckpointWrite } from '../../core/projections/shared-view-store.ts';
import {
  type EntryPage,
  encodeView,
  type PageOptions,
  type ParkedPage,
  type ViewPage,
  type ViewStore,
} from '../../core/projections/view-store.ts';
import type { CheckpointPage, GenerationStore } from '../../core/replays/generation-store.ts';

/** A simple store of views in a Map, for unit tests. */
export class MemoryViewStore implements ViewStore, GenerationStore {
  readonly #views = new Map<string, StoredView>();

  async get(projection: string, generation: number, key: string): Promise<StoredView | undefined> {
    return this.#views.get(idOf({ projection, generation, key }));
  }

  async put(
    view: StoredView,
    expectedVersion: number,
    expectedMark?: Parked,
    entries?: readonly ListEntry[],
  ): Promise<boolean> {
    return this.putAll([{ next: view, expectedVersion, expectedMark, entries }]);
  }

  /** Writes all views, or none. */
  putAll(writes: readonly CheckpointWrite[]): boolean {
    const views = writes.map(({ next, entries }) => withEntries(next, entries));
    for (const view of views) encodeView(view); // checks the limit
    if (!writes.every((write) => this.#isExpected(write))) return false;
    for (const view of views) this.#views.set(idOf(view), structuredClone(view));
    return true;
  }

  #isExpected({ next, expectedVersion, expectedMark }: CheckpointWrite): boolean {
    const stored = this.#views.get(idOf(next));
    return (
      (stored?.version ?? 0) === expectedVersion && JSON.stringify(stored?.parked) === JSON.stringify(expectedMark)
    );
  }

  async list(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: PageOptions,
  ): Promise<ViewPage> {
    const all = [...this.#views.values()]
      .filter((view) => view.projection === projection && view.generation === generation && view.group === group)
      .filter((view) => view.group !== '' && view.key > after)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const views = all.slice(0, limit);
    const last = views.at(-1);
    return all.length > limit && last ? { views, next: last.key } : { views };
  }

  async listed(
    projection: string,
    generation: number,
    list: string,
    { limit, after = '' }: PageOptions,
  ): Promise<EntryPage> {
    const all = [...this.#views.values()]
      .filter((view) => view.projection === projection && view.generation === generation)
      .flatMap((view) => {
        const order = view.entries?.find((entry) => entry.list === list)?.order;
        return order === undefined ? [] : [{ order, view, place: listPlace(order, view.key) }];
      })
      .filter(({ place }) => place > after)
      .toSorted((a, b) => (a.place < b.place ? -1 : 1));
    const listed = all.slice(0, limit).map(({ order, view }) => ({ order, view }));
    const last = all.slice(0, limit).at(-1);
    return all.length > limit && last ? { listed, next: last.place } : { listed };
  }

  async listParked(projection: string, generation: number, { limit, after = '' }: PageOptions): Promise<ParkedPage> {
    const all = this.#parked(projection, generation).filter(({ key }) => key > after);
    const views = all.slice(0, limit);
    const last = views.at(-1);
    return all.length > limit && last ? { views, next: last.key } : { views };
  }

  async countParked(projection: string, generation: number): Promise<number> {
    return this.#parked(projection, generation).length;
  }

  async checkpoints(
    projection: string,
    generation: number,
    group: string,
    { limit, after = '' }: PageOptions,
  ): Promise<CheckpointPage> {
    const all = [...this.#views.values()]
      .filter((view) => view.projection === projection && view.generation === generation)
      .filter((view) => view.group === group && view.key > after)
      .map(({ key, version }) => ({ key, version }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    const checkpoints = all.slice(0, limit);
    const last = checkpoints.at(-1);
    return all.length > limit && last ? { checkpoints, next: last.key } : { checkpoints };
  }

  async versions(projection: string, generation: number, keys: readonly string[]): Promise<Map<string, number>> {
    const stored = keys.map((key) => this.#views.get(`${projection}/${generation}/${key}`));
    return new Map(stored.flatMap((view) => (view ? [[view.key, view.version] as const] : [])));
  }

  async remove(projection: string, generation: number, keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#views.delete(`${projection}/${generation}/${key}`);
  }

  #parked(projection: string, generation: number) {
    return [...this.#views.values()]
      .filter((view) => view.projection === projection && view.generation === generation)
      .flatMap(({ key, version, parked }) => (parked ? [{ key, version, parked }] : []))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
}

function withEntries({ entries: before, ...view }: StoredView, entries = before ?? []): StoredView {
  return entries.length > 0 ? { ...view, entries } : view;
}

const idOf = ({ projection, generation, key }: Pick<StoredView, 'projection' | 'generation' | 'key'>) =>
  `${projection}/${generation}/${key}`;
