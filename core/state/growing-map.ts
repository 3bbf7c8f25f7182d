interface Write<Value> {
  /** The number of the write in the table, from 1. */
  readonly number: number;
  readonly value: Value;
}

/** The writes of every version of a map, by key, each key's oldest first. */
class Table<Key, Value> {
  readonly writes = new Map<Key, Write<Value>[]>();
  count = 0;

  put(key: Key, value: Value): void {
    this.count += 1;
    const write = { number: this.count, value };
    const earlier = this.writes.get(key);
    if (earlier) earlier.push(write);
    else this.writes.set(key, [write]);
  }
}

/**
 * A map for states that grow event by event. {@link withEntry} makes the next version; both versions share one table, and
 * each sees its own entries only. So `evolve` stays pure, and a fold of n events does n writes, not n copies.
 *
 * Versions share only in a line: a second next version of one map copies the table. Snapshots keep it as a plain map.
 */
class GrowingMap<Key, Value> extends Map<Key, Value> {
  readonly #table: Table<Key, Value>;
  /** The last write that this version sees. */
  readonly #seen: number;
  readonly #size: number;

  constructor(table: Table<Key, Value>, size: number) {
    super();
    this.#table = table;
    this.#seen = table.count;
    this.#size = size;
  }

  /** This map with one more entry. */
  next(key: Key, value: Value): GrowingMap<Key, Value> {
    if (this.#table.count > this.#seen) return grown(this).next(key, value);
    const size = this.has(key) ? this.#size : this.#size + 1;
    this.#table.put(key, value);
    return new GrowingMap(this.#table, size);
  }

  override get size(): number {
    return this.#size;
  }

  override has(key: Key): boolean {
    return this.#find(this.#table.writes.get(key)) !== undefined;
  }

  override get(key: Key): Value | undefined {
    return this.#find(this.#table.writes.get(key))?.value;
  }

  override *entries(): MapIterator<[Key, Value]> {
    for (const [key, writes] of this.#table.writes) {
      const write = this.#find(writes);
      if (write) yield [key, write.value];
    }
  }

  override *keys(): MapIterator<Key> {
    for (const [key] of this.entries()) yield key;
  }

  override *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  override [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  override forEach(visit: (value: Value, key: Key, map: Map<Key, Value>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  override set(): never {
    return refuse();
  }

  override delete(): never {
    return refuse();
  }

  override clear(): never {
    return refuse();
  }

  #find(writes: readonly Write<Value>[] | undefined): Write<Value> | undefined {
    return writes?.findLast(({ number }) => number <= this.#seen);
  }
}

function refuse(): never {
  throw new TypeError('a GrowingMap does not change: withEntry makes the next version');
}

function grown<Key, Value>(map: ReadonlyMap<Key, Value>): GrowingMap<Key, Value> {
  const table = new Table<Key, Value>();
  for (const [key, value] of map) table.put(key, value);
  return new GrowingMap(table, map.size);
}

/** A map with one more entry, or another value of a key. The given map stays as it is. Copies nothing in a fold. */
export function withEntry<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key, value: Value): ReadonlyMap<Key, Value> {
  return (map instanceof GrowingMap ? map : grown(map)).next(key, value);
}
