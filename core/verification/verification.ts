import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';
import { CorruptDataError } from '../base/errors.ts';
import { isStreamId, parseStreamId } from '../base/stream-id.ts';
import type { StoredLog } from '../log/layouts.ts';
import { type AnyProjection, isFedFrom, isShared } from '../projections/projection.ts';
import type { AnySharedProjection } from '../projections/shared-projection.ts';
import type { ClaimCheck } from '../store/claim-check.ts';
import type { Commit } from '../store/commit.ts';
import type { CommitScan } from '../store/commit-scan.ts';
import { compareCommits } from './commits.ts';
import { type Difference, note, type VerifiedExtent, verdictOf } from './difference.ts';
import { checkLog } from './log.ts';
import type { LogPlaces } from './log-pages.ts';
import { decodeState, encodeState, generationOf, newState, type Phase, type VerificationState } from './state.ts';
import { type ScannedStream, scanStreams } from './streams.ts';
import { beginLook, compareSums } from './sums.ts';
import { ViewComparison, type ViewPlaces } from './views.ts';

/** The parts of a {@link Verification}. */
export interface VerificationOptions extends ViewPlaces, LogPlaces, StoredLog {
  readonly projections: readonly AnyProjection[];
  readonly commits: CommitScan;
  readonly claims: Pick<ClaimCheck, 'redeem'>;
  readonly live: (projection: string) => number | Promise<number>;
  /** How long log and views may lack an event before they count as behind, milliseconds; a minute by default. */
  readonly graceMs?: number;
  readonly now?: () => Date;
}

/** The progress of a verification. A run with the cursor continues from there. */
export interface VerificationProgress {
  readonly phase: Phase;
  readonly extent: Readonly<VerifiedExtent>;
  readonly differences: number;
  cursor(): string;
}

/** The result of a verification. */
export interface VerificationReport {
  /** The outcome in one line. */
  readonly verdict: string;
  readonly extent: Readonly<VerifiedExtent>;
  /** Number of differences. */
  readonly total: number;
  /** The first 100 differences. */
  readonly differences: readonly Difference[];
}

const DEFAULT_GRACE_MS = 60_000;
/** Streams that are compared and then reported together. */
const BATCH = 50;
const CONCURRENCY = 10;

/**
 * Compares the log with the store, in both directions, and every live view with the fold of its stream, while the
 * system runs. Damaged data is a difference, and the comparison continues after it. It changes no data. Its memory does
 * not grow with the history.
 */
export class Verification {
  readonly #options: VerificationOptions;
  readonly #graceMs: number;

  constructor(options: VerificationOptions) {
    this.#options = options;
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  }

  /**
   * Runs the comparison. After each page of the log and each 50 streams it yields its progress and yields to the event
   * loop.
   * @param cursor the cursor of an earlier run, to continue it
   * @throws UnavailableError when a store cannot be reached; a run with the last cursor continues
   */
  async *run(cursor?: string): AsyncGenerator<VerificationProgress, VerificationReport> {
    const state = (cursor === undefined ? undefined : decodeState(cursor)) ?? (await this.#begin());
    while (state.phase !== 'done') {
      for await (const differences of this.#untilDamage(state)) {
        note(state.findings, differences);
        await nextTurn();
        yield progressOf(state);
      }
      await this.#advance(state);
    }
    const { extent, findings } = state;
    return { verdict: verdictOf(extent, findings), extent, total: findings.total, differences: findings.named };
  }

  async #begin(): Promise<VerificationState> {
    const { projections, live, now = () => new Date() } = this.#options;
    const state = newState(now());
    for (const { name } of projections) {
      try {
        state.generations[name] = await live(name);
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
        const detail = `the number of the live generation cannot be read: ${error.message}`;
        note(state.findings, [{ part: 'views', place: `${name}/*`, kind: 'unreadable', detail }]);
      }
    }
    return state;
  }

  /** The work of a phase. Damage that no step of the phase expects is a difference and ends the phase. */
  async *#untilDamage(state: VerificationState): AsyncGenerator<readonly Difference[]> {
    try {
      yield* this.#work(state);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      const { phase } = state;
      const part = phase === 'log' ? 'log' : phase === 'orphans' || phase === 'sums' ? 'views' : 'store';
      yield [{ part, place: '*', kind: 'unreadable', detail: error.message }];
    }
  }

  #work(state: VerificationState): AsyncIterable<readonly Difference[]> {
    const comparison = new ViewComparison(this.#options, this.#lateBefore(state));
    if (state.phase === 'log') return checkLog(state, this.#options, this.#settled(state));
    if (state.phase === 'streams') return this.#streams(state, comparison);
    if (state.phase === 'orphans') return this.#orphans(state, comparison);
    if (state.phase === 'sums') return compareSums(state, comparison, this.#shared());
    const buckets = state.logged.differing(state.stored);
    return compareCommits(state.compared, { ...this.#options, buckets, lateBefore: this.#lateBefore(state) });
  }

  async #advance(state: VerificationState): Promise<void> {
    const { phase, sums } = state;
    const moving = this.#shared().filter(({ name }) => sums[name] !== undefined);
    const look = (projections: readonly AnySharedProjection[]) =>
      beginLook(state, new ViewComparison(this.#options, this.#lateBefore(state)), projections);
    const differ = () => state.logged.differing(state.stored).size > 0;
    if (phase === 'log') await look(this.#shared());
    else if (phase === 'streams') state.phase = state.looks === 1 ? 'orphans' : 'sums';
    else if (phase === 'orphans') state.phase = 'sums';
    else if (phase === 'sums' && moving.length > 0) await look(moving);
    else state.phase = phase === 'sums' && differ() ? 'commits' : 'done';
  }

  async *#streams(state: VerificationState, comparison: ViewComparison): AsyncGenerator<readonly Difference[]> {
    const limit = pLimit(CONCURRENCY);
    let batch: ScannedStream[] = [];
    const settle = async () => {
      const compared = batch.map((scanned) => limit(() => this.#compareStream(state, comparison, scanned)));
      const differences = (await Promise.all(compared)).flat();
      for (const scanned of batch) this.#count(state, scanned);
      batch = [];
      return differences;
    };
    const { commits, claims } = this.#options;
    const checks = { isSettled: this.#settled(state), redeem: (commit: Commit) => claims.redeem(commit) };
    for await (const scanned of scanStreams(commits, state.after, checks)) {
      if (batch.push(scanned) === BATCH) yield await settle();
    }
    if (batch.length > 0) yield await settle();
  }

  #count(state: VerificationState, { stream, last, head, commits, sum }: ScannedStream): void {
    state.after = last;
    if (state.looks > 1) return;
    state.stored.add(stream, sum);
    state.extent.streams += 1;
    state.extent.commits += commits;
    state.extent.events += head;
  }

  async #compareStream(
    state: VerificationState,
    comparison: ViewComparison,
    { stream, differences }: ScannedStream,
  ): Promise<readonly Difference[]> {
    const found: Difference[] = state.looks === 1 ? [...differences] : [];
    for (const projection of this.#fedBy(stream)) {
      if (state.looks > 1 && state.sums[projection.name] === undefined) continue;
      const compared = await comparison.compare(projection, generationOf(state, projection), stream);
      if (isShared(projection)) {
        state.sums[projection.name]?.made.add(await comparison.bound(projection, compared.increments));
      }
      if (state.looks > 1) continue;
      state.extent.views += 1;
      found.push(...compared.differences);
    }
    return found;
  }

  async *#orphans(state: VerificationState, comparison: ViewComparison): AsyncGenerator<readonly Difference[]> {
    for (const projection of this.#options.projections) {
      yield* comparison.orphans(projection, generationOf(state, projection), state.orphans);
    }
  }

  /** The projections that a stream feeds; none for a damaged name. */
  #fedBy(stream: string): readonly AnyProjection[] {
    if (!isStreamId(stream)) return [];
    const { aggregateType } = parseStreamId(stream);
    const { projections, catalogue } = this.#options;
    return projections.filter((projection) => isFedFrom(projection, aggregateType, catalogue));
  }

  #shared = (): readonly AnySharedProjection[] => this.#options.projections.filter(isShared);

  /** Events recorded at or after this instant may not have reached log and views yet, milliseconds. */
  #lateBefore = ({ startedAt }: VerificationState): number => Date.parse(startedAt) - this.#graceMs;

  /**
   * Whether a commit must be in both store and log: every commit that was not recorded around the start. A commit from
   * further in the future has a wrong time and is not new.
   */
  #settled(state: VerificationState): (commit: Commit) => boolean {
    const [from, to] = [this.#lateBefore(state), Date.parse(state.startedAt) + this.#graceMs];
    return ({ recordedAt }) => {
      const time = Date.parse(recordedAt);
      return time < from || time > to || this.#graceMs === 0;
    };
  }
}

const progressOf = (state: VerificationState): VerificationProgress => ({
  phase: state.phase,
  extent: state.extent,
  differences: state.findings.total,
  cursor: () => encodeState(state),
});
