import { UnavailableError } from '../../../core/base/errors.ts';
import type { LogPage } from '../../../core/log/page.ts';
import type { LogStorage, PageRange } from '../../../core/log/storage.ts';
import type { ListedObject, ObjectStore } from '../../../core/store/object-store.ts';
import type { randomOf } from '../random.ts';

export type Random = ReturnType<typeof randomOf>;

/** Faults of the network, in percent of the calls. */
export interface Weather {
  readonly lost: number;
  readonly replyLost: number;
  readonly late: number;
}

/** The number of calls after which nothing is lost. */
const STORMY_CALLS = 5_000;

/** Longest delay of a put. Its sender gives up much earlier. */
const LONGEST_WAY_MS = 60 * 60 * 1_000;

/** Waits for some microtasks, in which other relays and readers run. */
export async function turns(random: Random, most: number): Promise<void> {
  for (let left = random.between(0, most); left > 0; left--) await undefined;
}

/** A network that loses requests and replies. */
class Network {
  readonly random: Random;
  readonly #weather: Weather;
  #calls = 0;

  constructor(random: Random, weather: Weather) {
    this.random = random;
    this.#weather = weather;
  }

  /** Whether this fault happens to a call. Faults end at last, so that every run ends. */
  has(trouble: keyof Weather): boolean {
    return this.#calls < STORMY_CALLS && this.random.percent(this.#weather[trouble]);
  }

  async call<T>(call: () => Promise<T>): Promise<T> {
    await turns(this.random, 5);
    this.#calls += 1;
    if (this.has('lost')) throw new UnavailableError('lost');
    const answer = await call();
    await turns(this.random, 5);
    if (this.has('replyLost')) throw new UnavailableError('the reply was lost');
    return answer;
  }
}

/** A log's storage behind a network: puts also arrive after their sender has given up. */
export class UnreliableLogStorage implements LogStorage {
  readonly #storage: LogStorage;
  readonly #network: Network;
  readonly #now: () => number;
  readonly #onTheirWay = new Set<Promise<void>>();

  constructor(storage: LogStorage, random: Random, weather: Weather, now: () => number) {
    this.#storage = storage;
    this.#network = new Network(random, weather);
    this.#now = now;
  }

  /** Resolves when all delayed puts have arrived. */
  async settled(): Promise<void> {
    await Promise.all(this.#onTheirWay);
  }

  async put(page: LogPage): Promise<LogPage | undefined> {
    const { random } = this.#network;
    if (!this.#network.has('late')) return this.#network.call(() => this.#storage.put(page));
    const sent = this.#now();
    const way = turns(random, 200).then(async () => {
      if (this.#now() - sent < LONGEST_WAY_MS) await this.#storage.put(page);
      this.#onTheirWay.delete(way);
    });
    this.#onTheirWay.add(way);
    throw new UnavailableError('timed out');
  }

  last(partition: string): Promise<LogPage | undefined> {
    return this.#network.call(() => this.#storage.last(partition));
  }

  marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#network.call(() => this.#storage.marks(keys));
  }

  /** An interrupted call has raised some of the marks. */
  raiseMarks(marks: ReadonlyMap<string, number>): Promise<void> {
    const { random } = this.#network;
    return this.#network.call(async () => {
      for (const mark of marks) {
        if (random.percent(1)) throw new UnavailableError('cut off');
        await this.#storage.raiseMarks(new Map([mark]));
      }
    });
  }

  expire(partition: string, first: number, last: number): Promise<void> {
    return this.#network.call(() => this.#storage.expire(partition, first, last));
  }

  /** An eventually consistent read misses some of the newest pages, not always the last pages. */
  async *read(partition: string, range: PageRange): AsyncGenerator<LogPage> {
    const { random } = this.#network;
    const pages = await this.#network.call(() => Array.fromAsync(this.#storage.read(partition, range)));
    const newest = (await this.#storage.last(partition))?.page ?? 0;
    for (const page of pages) {
      await turns(random, 2);
      if (!range.consistent && page.page > newest - 3 && random.percent(30)) continue;
      yield page;
    }
  }
}

/** Objects behind a network. */
export class UnreliableObjects implements ObjectStore {
  readonly #objects: ObjectStore;
  readonly #network: Network;

  constructor(objects: ObjectStore, random: Random, weather: Weather) {
    this.#objects = objects;
    this.#network = new Network(random, weather);
  }

  put(...object: Parameters<ObjectStore['put']>): Promise<boolean> {
    return this.#network.call(() => this.#objects.put(...object));
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#network.call(() => this.#objects.get(key));
  }

  delete(key: string): Promise<void> {
    return this.#network.call(() => this.#objects.delete(key));
  }

  async *list(...query: Parameters<ObjectStore['list']>): AsyncGenerator<ListedObject> {
    yield* await this.#network.call(() => Array.fromAsync(this.#objects.list(...query)));
  }
}
