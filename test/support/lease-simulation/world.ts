import { setImmediate as nextTurn } from 'node:timers/promises';
import { UnavailableError } from '../../../core/base/errors.ts';
import { Leases } from '../../../core/leases/leases.ts';
import type { Commit } from '../../../core/store/commit.ts';
import type { CommitStorage } from '../../../core/store/commit-storage.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { taskClaims } from '../../../domain/task/claims.ts';
import { taskDecider } from '../../../domain/task/task.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { Random } from '../../../testing/simulation/random.ts';
import { catalogue } from '../application.ts';
import { MemoryControlStore } from '../memory-control.ts';

/** Turns of the event loop in which nobody asks for anything: work in other threads may take some. */
const MAX_IDLE = 10_000;
const START = Date.UTC(2026, 0, 5);

/** The death of a process: no code of it goes on. */
export class Crash extends Error {}

/** A process with calls of its own to the common stores. It may die at any call, before or after the effect. */
export interface Process {
  readonly name: string;
  readonly store: EventStore;
  readonly leases: Leases;
}

interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A world in virtual time: processes take turns at their calls to the stores, in an order from a seed. Calls fail or kill
 * their process until the world is healthy.
 */
export class LeaseWorld {
  readonly random: Random;
  readonly commits = new MemoryCommitStorage();
  readonly control = new MemoryControlStore();
  /** The commits, in the order of their writes. */
  readonly committed: Commit[] = [];
  healthy = false;
  crashes = 0;
  faults = 0;
  calls = 0;
  #time = START;
  readonly #waiting: (() => void)[] = [];
  readonly #timers: Timer[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  readonly now = (): Date => new Date(this.#time);

  /** A new process; each has its own store, so that processes race each other as on several machines. */
  process(name: string): Process {
    const state = { dead: false };
    const port = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (of, member) => {
          const value: unknown = Reflect.get(of, member, of);
          if (typeof value !== 'function') return value;
          if (member === 'put' && of === (this.commits as object)) {
            return (commit: Commit, given: ReadonlyMap<string, number>) =>
              this.#call(state, () => this.#put(commit, given));
          }
          if (member === 'read') return (...args: unknown[]) => this.#stream(state, () => value.apply(of, args));
          return (...args: unknown[]) => this.#call(state, () => value.apply(of, args));
        },
      });
    const store = new EventStore(port<CommitStorage>(this.commits), { catalogue, now: this.now });
    const leases = new Leases({
      aggregate: taskDecider,
      work: taskClaims,
      store,
      control: port(this.control),
      now: this.now,
    });
    return { name, store, leases };
  }

  /** Sleeps in virtual time. */
  sleep(seconds: number): Promise<void> {
    return new Promise((wake) => this.#timers.push({ at: this.#time + seconds * 1_000, wake }));
  }

  /** Runs work to its end, with all other work that waits for a turn. */
  async run(work: readonly Promise<unknown>[]): Promise<void> {
    let isDone = false;
    let idle = 0;
    const all = Promise.all(work).finally(() => {
      isDone = true;
    });
    all.catch(() => {});
    while (!isDone) {
      await nextTurn();
      if (isDone) break;
      if (this.#waiting.length > 0) this.#takeTurn();
      else if (!this.#wakeNext() && idle++ > MAX_IDLE)
        throw new Error('nobody has anything to do, and the work is not done');
    }
    await all;
  }

  async #put(commit: Commit, given: ReadonlyMap<string, number>): Promise<Commit | undefined> {
    const occupant = await this.commits.put(commit, given);
    if (!occupant) this.committed.push(commit);
    return occupant;
  }

  #takeTurn(): void {
    const [wake] = this.#waiting.splice(this.random.from(0, this.#waiting.length - 1), 1);
    this.#time += this.random.chance(0.02) ? this.random.from(0, 20_000) : this.random.from(0, 50);
    for (const timer of this.#timers.filter(({ at }) => at <= this.#time)) this.#wake(timer);
    wake?.();
  }

  #wakeNext(): boolean {
    const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
    if (!next) return false;
    this.#time = Math.max(this.#time, next.at);
    this.#wake(next);
    return true;
  }

  #wake(timer: Timer): void {
    this.#timers.splice(this.#timers.indexOf(timer), 1);
    timer.wake();
  }

  async #call<T>(process: { dead: boolean }, effect: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (process.dead) throw new Crash('the process is dead');
    this.calls += 1;
    const fault = this.healthy ? 1 : this.random.next();
    if (fault >= 0.06) return effect();
    if (fault >= 0.03) await effect(); // with its effect, but the answer is lost
    if (fault % 0.03 < 0.015) {
      process.dead = true;
      this.crashes += 1;
      throw new Crash('the process dies');
    }
    this.faults += 1;
    throw new UnavailableError('throttled, or the answer was lost');
  }

  async *#stream<T>(process: { dead: boolean }, read: () => AsyncIterable<T>): AsyncGenerator<T> {
    yield* await this.#call(process, () => Array.fromAsync(read()));
  }
}

/** Timers and random numbers of libraries are those of the world, as long as `work` runs. */
export async function inWorld<T>(world: LeaseWorld, work: () => Promise<T>): Promise<T> {
  const { setTimeout: timeout } = globalThis;
  const { random } = Math;
  globalThis.setTimeout = ((wake: () => void, ms = 0) => {
    void world.sleep(ms / 1_000).then(wake);
    return { unref() {}, ref() {} };
  }) as never;
  Math.random = world.random.next;
  try {
    return await work();
  } finally {
    globalThis.setTimeout = timeout;
    Math.random = random;
  }
}
