import type { JsonObject } from '../../core/events/json.ts';
import {
  type ControlItem,
  type ControlListOptions,
  type ControlPage,
  type ControlStore,
  type ControlWrite,
  encodeControl,
} from '../../core/store/control-store.ts';

/** A simple store of control items in a Map, for unit tests. */
export class MemoryControlStore implements ControlStore {
  readonly #items = new Map<string, ControlItem>();

  async get(kind: string, id: string): Promise<ControlItem | undefined> {
    return structuredClone(this.#items.get(`${kind}/${id}`));
  }

  async put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean> {
    const json = encodeControl(kind, id, content);
    if (!this.#isAt(kind, id, expectedRevision)) return false;
    this.#items.set(`${kind}/${id}`, { kind, id, revision: expectedRevision + 1, content: JSON.parse(json) });
    return true;
  }

  async remove(kind: string, id: string, expectedRevision: number): Promise<boolean> {
    return this.#isAt(kind, id, expectedRevision) && this.#items.delete(`${kind}/${id}`);
  }

  async writeTogether(writes: readonly ControlWrite[]): Promise<boolean> {
    for (const { kind, id, content } of writes) if (content) encodeControl(kind, id, content);
    if (!writes.every(({ kind, id, expectedRevision }) => this.#isAt(kind, id, expectedRevision))) return false;
    for (const { kind, id, content, expectedRevision } of writes) {
      if (content) void this.put(kind, id, content, expectedRevision);
      else void this.remove(kind, id, expectedRevision);
    }
    return true;
  }

  async list(kind: string, { limit, prefix = '', after = '' }: ControlListOptions): Promise<ControlPage> {
    const all = [...this.#items.values()]
      .filter((item) => item.kind === kind && item.id.startsWith(prefix) && item.id > after)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const items = structuredClone(all.slice(0, limit));
    const last = items.at(-1);
    return all.length > limit && last ? { items, next: last.id } : { items };
  }

  /** Every item. */
  all(): readonly ControlItem[] {
    return [...this.#items.values()];
  }

  #isAt(kind: string, id: string, revision: number): boolean {
    return (this.#items.get(`${kind}/${id}`)?.revision ?? 0) === revision;
  }
}
