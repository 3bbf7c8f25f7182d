import { assertObjectKey, type ListedObject, type ObjectStore } from '../../core/store/object-store.ts';

interface Held {
  readonly bytes: Uint8Array;
  readonly modifiedAt: string;
}

/** A simple object store in a Map, for unit tests. It counts the reads. */
export class MemoryObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Held>();
  reads = 0;

  async put(key: string, bytes: Uint8Array, { ifAbsent = false } = {}): Promise<boolean> {
    if (ifAbsent && this.#objects.has(assertObjectKey(key))) return false;
    this.#objects.set(assertObjectKey(key), { bytes: bytes.slice(), modifiedAt: new Date().toISOString() });
    return true;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.reads += 1;
    return this.#objects.get(assertObjectKey(key))?.bytes.slice();
  }

  async delete(key: string): Promise<void> {
    this.#objects.delete(assertObjectKey(key));
  }

  async *list(prefix: string, { after = '' }: { after?: string | undefined } = {}): AsyncGenerator<ListedObject> {
    const all = [...this.#objects].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, { bytes, modifiedAt }] of all) {
      if (key.startsWith(prefix) && key > after) yield { key, bytes: bytes.length, modifiedAt };
    }
  }
}
