import { CommandRejectedError, UnavailableError } from '../../core/base/errors.ts';
import { SagaRunner } from '../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import type { AnySaga, SagaCommand } from '../../core/sagas/saga.ts';
import { type DecideContext, type Decider, handleCommand } from '../../core/state/decider.ts';
import type { Commit } from '../../core/store/commit.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { MemorySagaIndex, MemorySagaMarks } from '../../testing/memory/sagas.ts';
import { SagaHost } from '../../testing/simulation/saga-host.ts';
import { catalogue } from './application.ts';
import { passing } from './passing-storage.ts';

/** The process ends: its work in progress is lost, stored data stays. */
export class Crash extends UnavailableError {}

export interface World {
  /** Whether the process ends before the n-th write, or after it but before its reply. */
  readonly crashes: (write: number) => 'before' | 'after' | undefined;
  /** The number of failures of the compensation of an item before it succeeds. */
  readonly stubborn: ReadonlyMap<string, number>;
}

/** Sagas with a manual clock, a host that crashes, and compensations that fail. */
export abstract class WorldOfSagas {
  now = Date.parse('2026-01-05T09:00:00.000Z');
  abstract readonly store: EventStore;
  abstract readonly execution: SagaExecution;
  /** The number of parked sagas. */
  abstract readonly parked: number;

  /** Runs the host until all work is done, with any number of crashes. */
  abstract settle(): Promise<void>;
  /** The host gets some earlier events again. */
  abstract rewind(count: number): void;
  /** The host loses everything except the streams, and gets all events again. */
  abstract forget(): void;

  /** Executes a command of an agent or a user. @returns whether the rules allowed it */
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
}

/** Storage in memory for a host that crashes before or after calls, as the schedule says. */
export function mortal({ crashes }: World, isAtWork: () => boolean, onCommit: (commit: Commit) => void) {
  let calls = 0;
  async function fate<T>(work: () => Promise<T>): Promise<T> {
    const end = isAtWork() ? crashes(calls++) : undefined;
    if (end === 'before') throw new Crash('died before a call');
    const result = await work();
    if (end === 'after') throw new Crash('died after a call');
    return result;
  }
  const inner = new MemoryCommitStorage();
  const storage: CommitStorage = {
    ...passing(inner),
    put: (commit) =>
      fate(async () => {
        const occupant = await inner.put(commit);
        if (!occupant) onCommit(commit);
        return occupant;
      }),
  };
  return { storage, fate };
}

/** Sagas as they run on one machine. */
export class RunnerWorld extends WorldOfSagas {
  readonly store: EventStore;
  readonly execution: SagaExecution;
  parked = 0;
  readonly marks = new MemorySagaMarks();
  readonly #host: SagaHost;
  #alive = false;

  constructor(sagas: readonly AnySaga[], world: World) {
    super();
    const now = () => new Date(this.now);
    const commits: Commit[] = [];
    const { storage } = mortal(
      world,
      () => this.#alive,
      (commit) => commits.push(commit),
    );
    this.store = new EventStore(storage, { catalogue, now });
    const stubborn = sagas.map((saga) => withStubbornness(saga, new Map(world.stubborn)));
    this.execution = new SagaExecution({ sagas: stubborn, store: this.store, now });
    this.#host = new SagaHost(() => this.#begin(), commits);
  }

  #begin(): SagaRunner {
    return new SagaRunner({
      execution: this.execution,
      index: new MemorySagaIndex(),
      marks: this.marks,
      policy: { attempts: 2, initialDelayMs: 0, maxDelayMs: 0 },
      logger: { error: (message) => void (/parked/.test(message) && this.parked++) },
      now: () => new Date(this.now),
    });
  }

  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 1_000; rounds++) {
      this.#alive = true;
      const settled = await this.#host.turn();
      this.#alive = false;
      if (settled) return;
    }
    throw new Error('the sagas do not settle');
  }

  rewind(commits: number): void {
    this.#host.rewind(commits);
  }

  forget(): void {
    this.#host.restart();
    this.#host.rewind(Number.POSITIVE_INFINITY);
  }
}

/** The same saga with compensations that fail several times first. */
export function withStubbornness(saga: AnySaga, left: Map<string, number>): AnySaga {
  const stubborn = (inner: SagaCommand, item: string): SagaCommand => ({
    ...inner,
    decider: {
      ...inner.decider,
      decide: (state: unknown, command: unknown, context: DecideContext) => {
        const failures = left.get(item) ?? 0;
        left.set(item, failures - 1);
        if (failures > 0) throw new CommandRejectedError(`${item} cannot be undone`);
        return inner.decider.decide(state, command, context);
      },
    },
  });
  return {
    ...saga,
    steps: saga.steps.map((step) => ({
      ...step,
      compensation: (context) => {
        const undoing = step.compensation(context);
        return undoing && stubborn(undoing, context.item);
      },
    })),
  };
}
