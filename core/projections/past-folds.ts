import pLimit from 'p-limit';
import { PayloadTooLargeError, UnavailableError } from '../base/errors.ts';
import { pause } from '../base/pause.ts';
import { forCaller } from '../base/turns.ts';
import type { PastMoment } from '../events/clock.ts';
import type { JsonObject } from '../events/json.ts';
import type { LogFilter } from '../log/filter.ts';
import type { EventLog } from '../log/log.ts';
import { EVER } from '../state/happened.ts';
import type { HistoryParts } from '../state/inherit.ts';
import type { Commit } from '../store/commit.ts';
import { CounterNames } from './counter-names.ts';
import { type PastView, PastViews } from './point-in-time.ts';
import type { AnyProjection, ProjectionOf } from './projection.ts';
import { RecordedCount } from './recorded-count.ts';
import { SharedFold } from './shared-fold.ts';
import { type AnySharedProjection, shownCounts } from './shared-projection.ts';
import type { CounterValues } from './shared-view-store.ts';
import type { ViewStore } from './view-store.ts';

/** A running fold of the log into views. */
interface GrowingFold {
  take(commit: Commit): void | Promise<void>;
  /** Bytes of memory, approximately. */
  readonly bytes: number;
}

interface Kept<F extends GrowingFold> {
  readonly fold: F;
  readonly at: string;
  readonly filter: LogFilter;
  /** The position up to which the fold has all events. */
  position: string | undefined;
  running: Promise<void> | undefined;
  waiting: number;
  /** The time of the last request, milliseconds. The fold continues for a while after its callers have left. */
  askedAt: number;
}

/** The parts and limits of {@link PastFolds}. */
export interface PastFoldsOptions {
  readonly log: EventLog;
  /** The streams and snapshots, for the states that forks inherit. */
  readonly histories: HistoryParts;
  /** The store of the live views, which has the names of counters. */
  readonly views: ViewStore;
  /** Most bytes of memory of all folds together, and of a single fold; about 256 MB by default. */
  readonly maxBytes?: number;
  /** Longest time that a caller waits, milliseconds: under API Gateway's 29 s. 20 s by default. */
  readonly patienceMs?: number;
}

const MAX_BYTES = 256 * 1024 * 1024;
const PATIENCE_MS = 20_000;
/** How long a fold is kept, and continues, after its last request. */
const KEPT_MS = 60_000;
/** Folds that run side by side, and all kept folds. Each instant that a caller names is another fold. */
const AT_ONCE = 2;
const MAX_FOLDS = 16;

/**
 * Views of the past, folded from the log. A fold is made once for all requests with the same projection and instant. It
 * is kept for a minute and continues from its position. So all pages of an answer cost one fold, and so does a repeated
 * request.
 */
export class PastFolds {
  readonly #log: EventLog;
  readonly #histories: HistoryParts;
  readonly #names: CounterNames;
  readonly #maxBytes: number;
  readonly #patienceMs: number;
  readonly #folds = new Map<string, Kept<GrowingFold>>();
  readonly #limit = pLimit(AT_ONCE);

  constructor({ log, histories, views, maxBytes = MAX_BYTES, patienceMs = PATIENCE_MS }: PastFoldsOptions) {
    this.#log = log;
    this.#histories = histories;
    this.#names = new CounterNames(views);
    this.#maxBytes = maxBytes;
    this.#patienceMs = patienceMs;
  }

  /**
   * All views of a projection at an instant, in the order of their keys. By `recorded` the log is read up to the
   * instant, by `happened` to its end, because an event may come late.
   * @throws UnavailableError when the fold takes longer than a caller may wait; it continues, so ask again
   * @throws PayloadTooLargeError when the views take more memory than the limit
   */
  async views(
    projection: ProjectionOf<JsonObject>,
    moment: PastMoment,
    signal?: AbortSignal,
  ): Promise<readonly PastView[]> {
    const { at, clock } = moment;
    const begin = () => new PastViews(projection, this.#histories, clock === 'happened' ? at : undefined);
    const filter = { aggregateType: projection.aggregateType, ...rangeOf(moment) };
    const { fold } = await this.#at(nameOf(projection, moment), at.toISOString(), filter, begin, signal);
    return fold.views();
  }

  /** The counters of a shared projection's views at an instant. @throws the errors of {@link views} */
  async counters(
    projection: AnySharedProjection,
    moment: PastMoment,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, CounterValues>> {
    const begin = () => new SharedFold(projection, this.#log.catalogue, moment);
    const at = moment.at.toISOString();
    const { fold } = await this.#at(nameOf(projection, moment), at, rangeOf(moment), begin, signal);
    return shownCounts(await this.#names.bound(projection, fold.increments()));
  }

  /**
   * The counters of a view by the time at which its events were recorded, up to an instant; undefined without such an
   * event, and when the projection has no such view of this key. @throws the errors of {@link views}
   */
  async recorded(
    projection: AnySharedProjection,
    key: string,
    until = EVER,
    signal?: AbortSignal,
  ): Promise<CounterValues | undefined> {
    const range = projection.recorded?.rangeOf(key);
    const { recorded } = projection;
    if (!range || !recorded) return undefined;
    const to = new Date(Math.min(Date.parse(range.to), until.getTime())).toISOString();
    const begin = () => new RecordedCount(key, projection, recorded, this.#log.catalogue);
    const filter = { from: range.from, to, types: projection.types };
    const { fold } = await this.#at(`${projection.name} ${key} ${to}`, to, filter, begin, signal);
    return shownCounts(fold.increments()).get(key);
  }

  async #at<F extends GrowingFold>(
    name: string,
    at: string,
    filter: LogFilter,
    begin: () => F,
    signal: AbortSignal | undefined,
  ): Promise<Kept<F>> {
    this.#forgetOld();
    // The name determines the type of the fold.
    const known = this.#folds.get(name) as Kept<F> | undefined;
    if (!known && this.#folds.size >= MAX_FOLDS) throw new UnavailableError(TOO_MANY);
    const kept = known ?? { ...NEW, fold: begin(), at, filter };
    this.#folds.delete(name); // inserted again, so the newest fold is the last entry
    this.#folds.set(name, kept);
    kept.askedAt = Date.now();
    await this.#wait(name, kept, signal);
    return kept;
  }

  async #wait(key: string, kept: Kept<GrowingFold>, signal: AbortSignal | undefined): Promise<void> {
    kept.waiting += 1;
    try {
      kept.running ??= forCaller(undefined, () => this.#limit(() => this.#run(key, kept))).finally(() => {
        kept.running = undefined;
      });
      const finished = kept.running.then(
        () => ({}),
        (error: unknown) => ({ error }),
      );
      const outcome = await soon(finished, this.#patienceMs, signal);
      if (signal?.aborted) kept.askedAt = 0;
      if (outcome && 'error' in outcome) throw outcome.error;
      if (!outcome) throw new UnavailableError(`the views of ${kept.at} are being folded; ask again in a few seconds`);
    } finally {
      kept.waiting -= 1;
    }
  }

  /** Folds the commits after the fold's position. It stops when no caller has waited for a minute. */
  async #run(key: string, kept: Kept<GrowingFold>): Promise<void> {
    try {
      for await (const { commit, position } of this.#log.commits(kept.position, kept.filter)) {
        await kept.fold.take(commit);
        kept.position = position;
        if (kept.fold.bytes > this.#maxBytes) throw new PayloadTooLargeError(TOO_LARGE);
        if (kept.waiting === 0 && Date.now() - kept.askedAt > KEPT_MS) return;
      }
    } catch (error) {
      this.#folds.delete(key);
      throw error;
    }
  }

  /** Drops folds without recent requests, and the oldest folds when there are too many or they are too large. */
  #forgetOld(): void {
    let bytes = this.#folds.values().reduce((sum, { fold }) => sum + fold.bytes, 0);
    let count = this.#folds.size;
    for (const [key, { fold, askedAt, waiting, running }] of this.#folds) {
      if (waiting > 0 || running) continue;
      if (bytes <= this.#maxBytes && count < MAX_FOLDS && Date.now() - askedAt <= KEPT_MS) continue;
      this.#folds.delete(key);
      bytes -= fold.bytes;
      count -= 1;
    }
  }
}

const NEW = { position: undefined, running: undefined, waiting: 0, askedAt: 0 };
const TOO_MANY = 'views of many past instants are being folded; ask again in a few seconds';
const TOO_LARGE =
  'the views of that time take more memory than one answer may; replay the events up to that time: POST /replays';

const nameOf = ({ name }: AnyProjection, { at, clock }: PastMoment): string => `${name} ${clock} ${at.toISOString()}`;

/** What to read of the log: an event that happened by an instant may have been recorded at any time. */
const rangeOf = ({ at, clock }: PastMoment): LogFilter => (clock === 'recorded' ? { to: at.toISOString() } : {});

/** The result of a promise; undefined when the time ends first or the signal ends the wait. */
async function soon<T>(promise: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> {
  let result: T | undefined;
  const settled = promise.then((value) => {
    result = value;
  });
  await pause(ms, signal, settled);
  return result;
}
