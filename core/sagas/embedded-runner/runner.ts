import pLimit from 'p-limit';
import type { Logger } from '../../base/log-lines.ts';
import { type RetryPolicy, withRetry } from '../../base/retry.ts';
import type { Catalogue, DomainEvent } from '../../events/catalogue.ts';
import { type Commit, decodeCommit, endOf } from '../../store/commit.ts';
import type { SagaInput } from '../decider.ts';
import type { SagaExecution } from '../execution.ts';
import type { SagaIndex } from '../index.ts';
import { nextWake, type SagaRun, type SagaState } from '../state.ts';
import { isPassing, SagaDeadLetters, type SagaFailure, type SagaMarks } from './dead-letters.ts';

export interface SagaRunnerOptions {
  readonly execution: SagaExecution;
  readonly index: SagaIndex;
  /** The attempts at a compensation before the saga is parked. */
  readonly policy: RetryPolicy;
  readonly logger: Pick<Logger, 'error'>;
  readonly marks: SagaMarks;
  readonly now?: () => Date;
}

/** A job of a saga. */
interface Job {
  readonly sagaId: string;
  readonly commit: Commit;
  /** Absent for a job about all events of the commit. */
  readonly event?: DomainEvent;
  readonly work: () => Promise<void>;
}

/** Sagas processed side by side. Their appends of one turn share a transaction. */
const CONCURRENCY = 64;
/** Sagas woken at once. */
const WAKE_BATCH = 100;
/** Pause of a saga that fails when it is woken, so that it does not delay others. */
const PAUSE_MS = 60_000;

/**
 * Runs sagas without Step Functions. It gets all commits in order, each at least once, and the time. A restart restores
 * everything from the histories, so the process may die at any point. A stream with a commit that a saga cannot take waits
 * as a dead letter; other streams go on.
 */
export class SagaRunner {
  readonly #options: SagaRunnerOptions;
  readonly #now: () => Date;
  /** The event types that sagas need, under all their stored names. */
  readonly #storedTypes: ReadonlySet<string>;
  readonly #catalogue: Catalogue;
  readonly #turn = pLimit(1);
  readonly #deadLetters: SagaDeadLetters;
  /** Sagas that were asked for in the commits in hand, and do not exist. Only a start here makes them. */
  readonly #absent = new Set<string>();

  constructor(options: SagaRunnerOptions) {
    this.#options = options;
    this.#catalogue = options.execution.catalogue;
    this.#storedTypes = this.#catalogue.retired.storedTypesOf(options.execution.types);
    this.#now = options.now ?? (() => new Date());
    this.#deadLetters = new SagaDeadLetters(options.marks);
  }

  /** Streams that wait as dead letters, as far as the runner knows. */
  get parked(): number {
    return this.#deadLetters.count;
  }

  /** Processes commits. @throws UnavailableError when all of them have to be delivered again */
  apply(commits: readonly Commit[]): Promise<void> {
    return this.#turn(() => this.#apply(commits));
  }

  /**
   * Tries a dead letter again, up to the head of its stream.
   * @returns the last events taken before and after
   * @throws UnavailableError
   */
  redrive(stream: string): Promise<{ readonly from: number; readonly to: number }> {
    return this.#turn(async () => {
      await this.#deadLetters.load();
      const from = this.#deadLetters.since(stream, 1) - 1;
      const { to, failure } = await this.#takeAfter(from, stream);
      await this.#deadLetters.settle(stream, to, failure);
      return { from, to };
    });
  }

  async #apply(commits: readonly Commit[]): Promise<void> {
    await this.#deadLetters.load();
    this.#absent.clear();
    let jobs: Job[] = [];
    for (const commit of commits) {
      for (const event of this.#mayConcern(commit) ? await this.#readable(commit) : []) {
        jobs.push(...this.#inputs(event, commit));
        if (this.#options.execution.losersOf(event).length === 0) continue;
        // The index lists the sagas that wait for the party after all earlier work is done.
        await this.#run(jobs);
        jobs = await this.#losses(event, commit);
      }
      jobs.push(...this.#followers(commit));
    }
    await this.#run(jobs);
  }

  async #takeAfter(from: number, stream: string): Promise<{ to: number; failure?: SagaFailure }> {
    this.#absent.clear();
    let to = from;
    for await (const commit of this.#options.execution.commits(stream, from + 1)) {
      let event: DomainEvent | undefined;
      try {
        for (event of this.#mayConcern(commit) ? decodeCommit(commit, this.#catalogue) : []) {
          for (const { work } of this.#inputs(event, commit)) await work();
          for (const { work } of await this.#losses(event, commit)) await work();
          to = event.sequenceNumber;
        }
        for (const { work } of this.#followers(commit)) await work();
      } catch (error) {
        if (isPassing(error)) throw error;
        return { to, failure: { version: event?.sequenceNumber ?? commit.version, event, error } };
      }
      to = endOf(commit);
    }
    return { to };
  }

  #followers(commit: Commit): Job[] {
    if (!commit.stream.startsWith('saga-')) return [];
    const sagaId = commit.stream.slice('saga-'.length);
    return [{ sagaId, commit, work: async () => this.#follow(sagaId, await this.#eventsOf(commit)) }];
  }

  /** Wakes the sagas that are due. @returns the time of the next call; undefined when no saga waits for a time */
  async wake(): Promise<Date | undefined> {
    const { index } = this.#options;
    await this.#deadLetters.load();
    const due = await index.due(this.#now().toISOString(), WAKE_BATCH);
    await sideBySide(due.map((sagaId) => () => this.#wakeOne(sagaId)));
    const next = await index.nextWake();
    return next === undefined ? undefined : new Date(next);
  }

  async #wakeOne(sagaId: string): Promise<void> {
    const { execution, index } = this.#options;
    try {
      const taken = await execution.tick(sagaId);
      if (taken) await this.#remember(sagaId, taken.state);
      else await index.remove(sagaId);
    } catch (error) {
      if (isPassing(error)) throw error;
      await index.postpone(sagaId, new Date(this.#now().getTime() + PAUSE_MS).toISOString());
      this.#options.logger.error(CANNOT_GO_ON, { sagaId, error });
    }
  }

  /** Most events that could be answers are of subjects without a saga, such as those that are only recorded. */
  async #take(sagaId: string, input: SagaInput): Promise<void> {
    const starts = input.kind === 'start';
    if (!starts && this.#absent.has(sagaId)) return;
    const taken = await this.#options.execution.take(sagaId, input);
    if (taken?.version) this.#absent.delete(sagaId);
    else this.#absent.add(sagaId);
  }

  async #losses(event: DomainEvent, commit: Commit): Promise<Job[]> {
    const { execution, index } = this.#options;
    const losers = execution.losersOf(event);
    if (losers.length === 0) return [];
    const waiting = await index.byParty(`${event.aggregateType}-${event.aggregateId}`);
    return waiting
      .filter((sagaId) => losers.some((prefix) => sagaId.startsWith(prefix)))
      .map((sagaId) => ({ sagaId, commit, event, work: () => execution.lose(sagaId, event) }));
  }

  /** Does the due work of a saga after these events. */
  async #follow(sagaId: string, events: readonly DomainEvent[]): Promise<void> {
    const { execution } = this.#options;
    const saga = await execution.load(sagaId);
    await this.#remember(sagaId, saga); // before the commands, so that parties that stop meanwhile are found
    for (const event of events) {
      if (event.type === 'saga.parked') this.#alarm(sagaId, event);
      if (event.type !== 'saga.step-started') continue;
      for (const run of saga.runs.filter((each) => isFor(each, event))) {
        if (saga.status === 'STARTED') await execution.issue(sagaId, saga, run);
      }
    }
    await this.#endReminders(sagaId, saga, events);
    await this.#compensate(sagaId, saga);
  }

  async #endReminders(sagaId: string, saga: SagaState, events: readonly DomainEvent[]): Promise<void> {
    const { execution } = this.#options;
    for (const { type, data } of events) {
      if (type === 'saga.compensating') await execution.endReminders(sagaId, saga);
      if (type === 'saga.step-completed' || type === 'saga.step-failed') {
        await execution.endReminders(sagaId, saga, data.item);
      }
    }
  }

  /** The history triggers the log line, so that a crash after the parking loses no line. */
  #alarm(sagaId: string, { data: { step, item, reason } }: DomainEvent<'saga.parked'>): void {
    const message = 'a saga is parked: an item cannot be undone; repair the cause, then resume the saga';
    this.#options.logger.error(message, { sagaId, step, item, reason });
  }

  async #compensate(sagaId: string, from: SagaState): Promise<void> {
    const { execution, policy } = this.#options;
    let saga = from;
    for (let run = execution.nextCompensation(saga); run; run = execution.nextCompensation(saga)) {
      try {
        const [before, due] = [saga, run];
        saga = await withRetry(policy, () => execution.compensate(sagaId, before, due));
      } catch (error) {
        if (isPassing(error)) throw error;
        const { step, item } = run;
        const reason = (error instanceof Error ? error.message : String(error)).slice(0, 1_024) || 'unknown';
        await execution.take(sagaId, { kind: 'park', step, item, reason });
        return;
      }
    }
    if (saga !== from) await this.#remember(sagaId, saga);
  }

  async #remember(sagaId: string, saga: SagaState): Promise<void> {
    const { execution, index } = this.#options;
    if (saga.status === 'COMPLETED' || saga.status === 'FAILED') return index.remove(sagaId);
    await index.save({ sagaId, wakeAt: nextWake(saga), parties: execution.partiesOf(sagaId, saga) });
  }

  /**
   * Jobs of one saga run one after the other, jobs of several sagas side by side. A failing saga does not delay others.
   */
  async #run(jobs: readonly Job[]): Promise<void> {
    const bySaga = [...Map.groupBy(jobs, ({ sagaId }) => sagaId).values()];
    await sideBySide(
      bySaga.map((own) => async () => {
        for (const job of own) await this.#attempt(job);
      }),
    );
  }

  /** Does a job. When it fails, its stream is parked, unless an outage or a race failed it. */
  async #attempt({ commit, event, work }: Job): Promise<void> {
    if (!this.#deadLetters.hold(commit)) await work().catch((error) => this.#deadLetters.park(commit, error, event));
  }

  /** A commit without types was damaged; only its events say whether sagas need it. A note has no events. */
  #mayConcern({ types, count }: Commit): boolean {
    return types.length === 0 ? count > 0 : types.some((type) => this.#storedTypes.has(type));
  }

  #inputs(event: DomainEvent, commit: Commit): Job[] {
    return this.#options.execution
      .inputsOf(event)
      .map(({ sagaId, input }) => ({ sagaId, commit, event, work: () => this.#take(sagaId, input) }));
  }

  /** The events of a commit; none of a stream that waits. An unreadable commit parks its stream. */
  async #readable(commit: Commit): Promise<readonly DomainEvent[]> {
    if (this.#deadLetters.hold(commit)) return [];
    try {
      return await this.#eventsOf(commit);
    } catch (error) {
      await this.#deadLetters.park(commit, error);
      return [];
    }
  }

  /** The events as delivered, else as the store has them now: the commit may have been repaired. */
  async #eventsOf(commit: Commit): Promise<readonly DomainEvent[]> {
    try {
      return decodeCommit(commit, this.#catalogue);
    } catch (error) {
      const stored = await this.#options.execution.stored(commit);
      if (!stored) throw error;
      return decodeCommit(stored, this.#catalogue);
    }
  }
}

const CANNOT_GO_ON = 'a saga that is due fails; it is tried again every minute';

/** @throws the first error, after all of the work */
async function sideBySide(work: readonly (() => Promise<void>)[]): Promise<void> {
  const limit = pLimit(CONCURRENCY);
  const results = await Promise.allSettled(work.map((each) => limit(each)));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}

const isFor = (run: SagaRun, { data }: DomainEvent<'saga.step-started'>): boolean =>
  run.state === 'outstanding' &&
  run.step === data.step &&
  run.attempt === data.attempt &&
  data.items.includes(run.item);
