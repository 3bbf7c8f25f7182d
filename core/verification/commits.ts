import { CorruptDataError } from '../base/errors.ts';
import { allPartitions, type StoredLog } from '../log/layouts.ts';
import { commitsOf } from '../log/page.ts';
import type { Commit } from '../store/commit.ts';
import type { CommitPlace, CommitScan } from '../store/commit-scan.ts';
import { bucketOf, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';
import { type LogPlaces, seePages } from './log-pages.ts';
import { placeOf } from './streams.ts';

/** A commit in the buckets that are looked into. */
export interface Seen {
  logged: number;
  readonly digest: string;
  stored: boolean;
}

/** How far a comparison of commits is. */
export interface ComparedCommits {
  /** The commits of the log, by their places. */
  readonly seen: Map<string, Seen>;
  /** Commits of the log for which there was no room. */
  passedOver: number;
  /** The next page of each partition. */
  readonly pages: Record<string, number>;
  /** Whether the whole log was read. What is logged after that may be of streams that were scanned already. */
  logRead: boolean;
  /** The last commit of the store that was read. */
  after: CommitPlace | undefined;
}

export const nothingCompared = (): ComparedCommits => ({
  ...{ seen: new Map(), passedOver: 0, pages: {}, logRead: false, after: undefined },
});

/** Commits that are held against each other; over that, the rest is found by the next verification. */
const MAX_SEEN = 100_000;
/** Commits of the store that are read in one step. */
const BATCH = 100;

/** The places of a comparison, which streams it is about, and since when a commit has to be in the log. */
export interface CommitComparison extends LogPlaces, StoredLog {
  readonly commits: CommitScan;
  readonly buckets: ReadonlySet<number>;
  readonly lateBefore: number;
}

/**
 * Names the commits that store and log do not agree on, in buckets whose sums differ: reads both once more.
 * @param compared is kept up to date with each step, so that another run goes on from it
 */
export async function* compareCommits(
  compared: ComparedCommits,
  comparison: CommitComparison,
): AsyncGenerator<readonly Difference[]> {
  if (!compared.logRead) yield* readLog(compared, comparison);
  compared.logRead = true;
  yield* readStore(compared, comparison);
}

async function* readLog(compared: ComparedCommits, comparison: CommitComparison) {
  const { seen, pages } = compared;
  for (const partition of await allPartitions(comparison)) {
    for await (const found of seePages(comparison, partition, pages[partition] ?? 1)) {
      const differences: Difference[] = [];
      for (const commit of 'page' in found ? readable(found.page) : []) {
        if (!comparison.buckets.has(bucketOf(commit.stream))) continue;
        if (seen.size < MAX_SEEN) takeLogged(seen, commit, differences);
        else compared.passedOver += 1;
      }
      pages[partition] = ('page' in found ? found.page.page : found.to) + 1;
      yield differences;
    }
  }
}

async function* readStore(compared: ComparedCommits, { commits, buckets, lateBefore }: CommitComparison) {
  let differences: Difference[] = [];
  let read = 0;
  try {
    for await (const scanned of commits.scan(compared.after)) {
      const { stream, version } = 'commit' in scanned ? scanned.commit : scanned.place;
      compared.after = { stream, version };
      if (buckets.has(bucketOf(stream))) {
        const logged = compared.seen.get(placeOf({ stream, version }));
        if (logged) logged.stored = true;
        // What is unreadable was named when the streams were looked at.
        if ('commit' in scanned)
          differences.push(...judge(scanned.commit, logged, compared.passedOver > 0, lateBefore));
      }
      if (++read % BATCH !== 0) continue;
      yield differences;
      differences = [];
    }
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error; // named when the streams were looked at
    if (differences.length > 0) yield differences;
    return;
  }
  differences.push(...lostOnes(compared.seen));
  compared.seen.clear(); // a run that goes on from here does not name them again
  if (differences.length > 0) yield differences;
}

function readable(page: Parameters<typeof commitsOf>[0]): Commit[] {
  try {
    return commitsOf(page);
  } catch (error) {
    if (error instanceof CorruptDataError) return []; // named when the log was looked at
    throw error;
  }
}

function takeLogged(seen: Map<string, Seen>, commit: Commit, differences: Difference[]): void {
  const place = placeOf(commit);
  const known = seen.get(place);
  if (!known) seen.set(place, { logged: 1, digest: digestOf(commit).toString('base64'), stored: false });
  else if (++known.logged === 2) differences.push({ part: 'log', place, kind: 'twice', detail: 'is in the log twice' });
}

function judge(commit: Commit, logged: Seen | undefined, isPart: boolean, lateBefore: number): Difference[] {
  const place = placeOf(commit);
  if (logged) {
    if (logged.digest === digestOf(commit).toString('base64')) return [];
    return [{ part: 'store', place, kind: 'differs', detail: 'store and log do not have the same commit here' }];
  }
  if (isPart || Date.parse(commit.recordedAt) >= lateBefore) return [];
  const detail = `was recorded ${commit.recordedAt} and is not in the log`;
  return [{ part: 'log', place, kind: 'missing', detail }];
}

const lostOnes = (seen: ReadonlyMap<string, Seen>): Difference[] =>
  [...seen]
    .filter(([, { stored }]) => !stored)
    .map(([place]) => ({ part: 'store', place, kind: 'lost', detail: 'the log has it, the store has not' }));
