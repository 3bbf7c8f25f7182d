import { BudgetSpentError, CommandRejectedError, UnavailableError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import { type Budget, budgetDecider } from '../../core/budgets/budget.ts';
import { Budgets } from '../../core/budgets/budgets.ts';
import { SpentReader } from '../../core/budgets/counting.ts';
import { StandingBudgets } from '../../core/budgets/standing.ts';
import type { DomainEvent, NewEvent } from '../../core/events/catalogue.ts';
import { LIVE_GENERATION, Projector } from '../../core/projections/projector.ts';
import { SagaRunner } from '../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { Commit } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import application from '../../domain/application.ts';
import { budgetCounting } from '../../domain/fleet/budget-counting.ts';
import { MemorySagaIndex, MemorySagaMarks } from '../../testing/memory/sagas.ts';
import { MemorySharedViews } from '../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../testing/memory/views.ts';
import type { Random } from '../../testing/simulation/random.ts';
import { SagaHost } from '../../testing/simulation/saga-host.ts';
import { mortal } from './saga-world.ts';

const { catalogue, projections, sagas } = application;

/** The probability that a process dies at a call, in a world with faults. */
const CRASH = 0.12;

/** A process that applies commits and looks at budgets: its memory is lost when it dies. */
interface Process {
  readonly projector: Projector;
  readonly budgets: Budgets;
}

/**
 * Budgets with several processes that apply commits side by side, as the projector has on AWS, in any order of streams,
 * and that die at any call; and a host of sagas.
 */
export class BudgetWorld {
  now = Date.parse('2026-01-05T12:00:00.000Z');
  readonly store: EventStore;
  readonly states: StateReader;
  readonly execution: SagaExecution;
  readonly events: DomainEvent[] = [];
  readonly #random: Random;
  readonly #sharedViews: MemorySharedViews;
  readonly #views: MemoryViewStore;
  readonly #processes: Process[];
  readonly #pending: Commit[] = [];
  readonly #sagas: SagaHost;
  #dying = false;

  constructor(random: Random) {
    this.#random = random;
    const commits: Commit[] = [];
    const alive = () => this.#dying;
    const crashes = () => (random.chance(CRASH) ? random.pick(['before', 'after'] as const) : undefined);
    const { storage, fate } = mortal({ crashes, stubborn: new Map() }, alive, (commit) => {
      commits.push(commit);
      this.#pending.push(commit);
    });
    this.store = new EventStore(storage, { catalogue, now: this.#clock });
    this.states = new StateReader({ store: this.store });
    this.#views = new MemoryViewStore();
    const inner = new MemorySharedViews(this.#views);
    this.#sharedViews = Object.assign(Object.create(inner) as MemorySharedViews, {
      add: (...writes: Parameters<MemorySharedViews['add']>) => fate(() => inner.add(...writes)),
      read: (...place: Parameters<MemorySharedViews['read']>) => fate(() => inner.read(...place)),
    });
    this.#processes = [this.#process(), this.#process()];
    this.execution = new SagaExecution({ sagas, store: this.store, now: this.#clock });
    this.#sagas = new SagaHost(() => this.#runner(), commits);
  }

  readonly #clock = () => new Date(this.now);

  /** The time passes. */
  pass(hours: number): void {
    this.now += hours * 3_600_000;
  }

  /** Applies some of the commits that wait, in another order; some come again. */
  async deliver(): Promise<void> {
    const batches = [0, 1].map(() => {
      const batch = this.#random.shuffled(this.#pending.splice(0, this.#random.from(1, 6)), 4);
      return [...batch, ...(this.#random.chance(0.2) ? batch.slice(0, 2) : [])];
    });
    this.#dying = true;
    await Promise.all(batches.map((batch, index) => this.#apply(index, batch)));
    this.#dying = false;
  }

  /** Everything is applied and done, without deaths. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 500; rounds++) {
      while (this.#pending.length > 0) await this.#apply(0, this.#pending.splice(0, 7));
      if ((await this.#sagas.turn()) && this.#pending.length === 0) return;
    }
    throw new Error('the world does not settle');
  }

  /** The sagas get some commits. */
  async runSagas(): Promise<void> {
    this.#dying = true;
    await this.#sagas.turn();
    this.#dying = false;
  }

  /** Some process takes a claim. @returns whether it was admitted */
  async claim(workId: string, workerType: string): Promise<boolean> {
    try {
      const { budgets } = this.#random.pick(this.#processes as [Process, ...Process[]]);
      await budgets.admit({ workId, workerId: 'w', workerType });
      return true;
    } catch (error) {
      if (error instanceof BudgetSpentError) return false;
      throw error;
    }
  }

  /** @returns whether the rules allowed it */
  async command(decider: unknown, id: string, command: object): Promise<boolean> {
    try {
      await handleCommand(this.store, decider as never, id, command as never, { now: this.#clock });
      return true;
    } catch (error) {
      if (error instanceof CommandRejectedError) return false;
      throw error;
    }
  }

  /** Appends as the machinery does. */
  async append(stream: string, event: NewEvent): Promise<void> {
    await this.store.append(stream, [event], { expectedVersion: 'any' });
  }

  /** The history of a budget. */
  historyOf(budgetId: string): Promise<DomainEvent[]> {
    return Array.fromAsync(this.store.read(streamId('budget', budgetId)));
  }

  async budgetOf(budgetId: string): Promise<Budget | undefined> {
    return (await this.historyOf(budgetId)).reduce(budgetDecider.evolve as never, {} as { budget?: Budget }).budget;
  }

  spent(subject: { readonly scope: string; readonly name: string }) {
    return new SpentReader(budgetCounting, this.#stores, this.#clock()).spent(subject);
  }

  get #stores() {
    return { sharedViews: this.#sharedViews, generations: { live: async () => LIVE_GENERATION } };
  }

  async #apply(index: number, batch: readonly Commit[]): Promise<void> {
    const { projector, budgets } = this.#processes[index] ?? this.#process();
    try {
      const failures = await projector.apply(batch);
      const unlooked = await budgets.lookAt(batch);
      const places = [...failures, ...unlooked].map(({ commit }) => batch.indexOf(commit));
      if (places.length > 0) this.#pending.unshift(...batch.slice(Math.min(...places)));
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      this.#pending.unshift(...batch);
      this.#processes[index] = this.#process();
    }
  }

  #process(): Process {
    const { store } = this;
    const { sharedViews, generations } = this.#stores;
    const stores = { sharedViews, generations, store };
    return {
      projector: new Projector({ sharedViews, store, projections, views: this.#views }),
      budgets: new Budgets({
        ...stores,
        counting: budgetCounting,
        states: new StateReader({ store, cacheBytes: 100_000 }),
        standing: new StandingBudgets({ ...stores, views: this.#views, maxAgeMs: 0 }),
        onFault: (id, error) => {
          throw new Error(`budget ${id} cannot be counted`, { cause: error });
        },
        now: this.#clock,
      }),
    };
  }

  #runner(): SagaRunner {
    return new SagaRunner({
      execution: this.execution,
      index: new MemorySagaIndex(),
      marks: new MemorySagaMarks(),
      policy: { attempts: 2, initialDelayMs: 0, maxDelayMs: 0 },
      logger: { error: () => {} },
      now: this.#clock,
    });
  }
}
