import type { Commit } from '../../core/commit.ts';
import type { CommitStorage } from '../../core/commit-storage.ts';
import { type DecideContext, type Decider, handleCommand } from '../../core/decider.ts';
import { CommandRejectedError, UnavailableError } from '../../core/errors.ts';
import { EventStore } from '../../core/event-store.ts';
import type { AnySaga, SagaCommand } from '../../core/saga.ts';
import { SagaExecution } from '../../core/saga-execution.ts';
import { SagaRunner } from '../../core/saga-runner.ts';
import { MemorySagaIndex } from './memory-sagas.ts';
import { MemoryCommitStorage } from './memory-storage.ts';

/** Stands for the death of the process: whatever was in work is gone, what was stored stays. */
class Crash extends UnavailableError {}

export interface World {
  /** True where the process dies before the n-th write, or right after it, before anyone hears of it. */
  readonly crashes: (write: number) => 'before' | 'after' | undefined;
  /** How often the compensation of an item fails before it works. */
  readonly stubborn: ReadonlyMap<string, number>;
}

/** Sagas on memory, with a clock that is set by hand, a process that dies, and compensations that fail. */
export class SagaWorld {
  readonly store: EventStore;
  now = Date.parse('2026-01-05T09:00:00.000Z');
  parked = 0;
  readonly #commits: Commit[] = [];
  #runner: SagaRunner;
  readonly execution: SagaExecution;
  #position = 0;
  #writes = 0;
  #alive = false;

  constructor(sagas: readonly AnySaga[], world: World) {
    const clock = () => new Date(this.now);
    this.store = new EventStore(this.#mortal(world), { now: clock });
    this.execution = new SagaExecution({
      sagas: sagas.map((saga) => withStubbornness(saga, new Map(world.stubborn))),
      store: this.store,
      now: clock,
    });
    this.#runner = this.#begin();
  }

  #begin(): SagaRunner {
    return new SagaRunner({
      execution: this.execution,
      index: new MemorySagaIndex(),
      policy: { attempts: 2, initialDelayMs: 0, maxDelayMs: 0 },
      logger: { error: (message) => void (/parked/.test(message) && this.parked++) },
      now: () => new Date(this.now),
    });
  }

  /** Lets the process run until nothing is left to do, however often it dies on the way. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 1_000; rounds++) {
      this.#alive = true;
      try {
        const batch = this.#commits.slice(this.#position, this.#position + 7);
        await this.#runner.apply(batch);
        this.#position += batch.length; // a process that dies before this sees the batch again
        await this.#runner.wake();
        if (this.#position === this.#commits.length) return;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      } finally {
        this.#alive = false;
      }
    }
    throw new Error('the sagas do not settle');
  }

  /** The runner sees an earlier part of all commits once more. */
  rewind(commits: number): void {
    this.#position = Math.max(0, this.#position - commits);
  }

  /** The runner has lost its index, and starts over with all commits. */
  forget(): void {
    this.#runner = this.#begin();
    this.#position = 0;
  }

  /** Carries out a command of an agent or a user. @returns whether the rules allowed it */
  async command<State, Command, Type extends never>(
    decider: Decider<State, Command, Type>,
    id: string,
    command: Command,
  ): Promise<boolean> {
    try {
      await handleCommand(this.store, decider, id, command, { now: () => new Date(this.now) });
      return true;
    } catch (error) {
      if (error instanceof CommandRejectedError) return false;
      throw error;
    }
  }

  #mortal(world: World): CommitStorage {
    const inner = new MemoryCommitStorage();
    return {
      head: (stream) => inner.head(stream),
      find: (stream, commitId) => inner.find(stream, commitId),
      read: (stream, range) => inner.read(stream, range),
      put: async (commit) => {
        const fate = this.#alive ? world.crashes(this.#writes++) : undefined;
        if (fate === 'before') throw new Crash('died before the write');
        const occupant = await inner.put(commit);
        if (!occupant) this.#commits.push(commit);
        if (fate === 'after') throw new Crash('died after the write');
        return occupant;
      },
    };
  }
}

/** The same saga, but some of its compensations fail some times first. */
function withStubbornness(saga: AnySaga, left: Map<string, number>): AnySaga {
  const stubborn = (inner: SagaCommand, item: string): SagaCommand => ({
    ...inner,
    decider: {
      ...inner.decider,
      decide: (state: unknown, command: unknown, context: DecideContext) => {
        const failures = left.get(item) ?? 0;
        left.set(item, failures - 1);
        if (failures > 0) throw new Error(`${item} cannot be undone`);
        return inner.decider.decide(state, command, context);
      },
    },
  });
  return {
    ...saga,
    steps: saga.steps.map((step) => ({
      ...step,
      compensation: (context) => stubborn(step.compensation(context), context.item),
    })),
  };
}
