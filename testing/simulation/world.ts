import type { Catalogue } from '../../core/events/catalogue.ts';
import type { AnyProjection } from '../../core/projections/projection.ts';
import { SagaRunner } from '../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import type { AnySaga } from '../../core/sagas/saga.ts';
import type { AnyDecider } from '../../core/state/decider.ts';
import type { Commit } from '../../core/store/commit.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../memory/commit-storage.ts';
import { MemorySagaIndex, MemorySagaMarks } from '../memory/sagas.ts';
import { VirtualClock } from './clock.ts';
import { Faults } from './faults.ts';
import type { Random } from './random.ts';
import { SagaHost } from './saga-host.ts';

/** The application of a simulation; `defineAnnals` makes it. */
export interface Simulated {
  readonly catalogue: Catalogue;
  readonly aggregates: readonly AnyDecider[];
  readonly projections: readonly AnyProjection[];
  readonly sagas: readonly AnySaga[];
}

/** One attempt without pauses, because time is virtual. */
export const ONCE = { attempts: 1, initialDelayMs: 0, maxDelayMs: 0 };

/** The stores of a seed, which outlive each process; its clock, its faults, and the host of its sagas. */
export class World {
  readonly random: Random;
  readonly app: Simulated;
  readonly faults: Faults;
  readonly clock: VirtualClock;
  /** All commits, in the order of their appends. */
  readonly commits: Commit[] = [];
  readonly marks = new MemorySagaMarks();
  readonly sagas: SagaHost;
  restarts = 0;
  #index = new MemorySagaIndex();
  readonly #storage: CommitStorage;
  #ids = 0;

  constructor(app: Simulated, random: Random) {
    this.app = app;
    this.random = random;
    this.faults = new Faults(random);
    this.clock = new VirtualClock(random);
    this.#storage = recording(new MemoryCommitStorage(), this.commits);
    this.sagas = new SagaHost(() => this.#runner(), this.commits);
  }

  /** A store whose calls never fail. */
  get store(): EventStore {
    return this.#over(this.#storage);
  }

  /** A store of a process: its calls may fail. */
  get unreliableStore(): EventStore {
    return this.#over(this.faults.unreliable(this.#storage));
  }

  /** The next time at which a saga wants to be woken. */
  nextWake(): Promise<string | undefined> {
    return this.#index.nextWake();
  }

  /** Lets the host of the sagas work once. It may crash, and may lose its memory or its index. @returns whether it is done */
  async turn(): Promise<boolean> {
    this.faults.dead = false;
    const done = await this.sagas.turn();
    if (!this.faults.dead && (this.faults.healthy || this.random.chance(0.95))) return done;
    this.#restart();
    return false;
  }

  #restart(): void {
    this.restarts++;
    if (this.random.chance(0.3)) this.sagas.rewind(this.random.from(1, 20));
    if (this.random.chance(0.1)) {
      this.#index = new MemorySagaIndex(); // it derives from the histories, which then all come again
      this.sagas.rewind(this.commits.length);
    }
    this.sagas.restart();
  }

  #over(storage: CommitStorage): EventStore {
    const { catalogue } = this.app;
    return new EventStore(storage, { catalogue, now: this.clock.now, newId: () => `id-${++this.#ids}` });
  }

  #runner(): SagaRunner {
    const { now } = this.clock;
    return new SagaRunner({
      execution: new SagaExecution({ sagas: this.app.sagas, store: this.unreliableStore, now }),
      index: this.faults.unreliable(this.#index),
      marks: this.faults.unreliable(this.marks),
      policy: ONCE,
      logger: { error: () => {} },
      now,
    });
  }
}

/** The same storage. It lists every commit that it stores. */
function recording(inner: CommitStorage, stored: Commit[]): CommitStorage {
  return {
    head: (stream) => inner.head(stream),
    find: (stream, commitId) => inner.find(stream, commitId),
    read: (stream, range) => inner.read(stream, range),
    note: (unchanged, expiresAt) => inner.note(unchanged, expiresAt),
    findMark: (id) => inner.findMark(id),
    tagHead: (tag) => inner.tagHead(tag),
    tagged: (tag, after) => inner.tagged(tag, after),
    transact: async (change) => {
      const obstacles = await inner.transact(change);
      if (!obstacles) stored.push(...change.puts.map(({ commit }) => commit));
      return obstacles;
    },
    put: async (commit, given) => {
      const occupant = await inner.put(commit, given);
      if (!occupant) stored.push(commit);
      return occupant;
    },
  };
}
