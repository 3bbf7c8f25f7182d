import { CorruptDataError } from '../base/errors.ts';
import { allPartitions, type StoredLog } from '../log/layouts.ts';
import { commitsOf } from '../log/page.ts';
import type { Commit } from '../store/commit.ts';
import type { CommitPlace, CommitScan } from '../store/commit-scan.ts';
import { bucketOf, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';
import { type LogPlaces, seePages } from './log-pages.ts';
import { placeOf } from './streams.ts';

/** A commit in the searched buckets. */
export interface Seen {
  logged: number;
  readonly digest: string;
  stored: boolean;
}

/** The progress of a comparison of commits. */
export interface ComparedCommits {
  /** The commits of the log, by their places. */
  readonly seen: Map<string, Seen>;
  /** Number of commits of the log without room in `seen`. */
  passedOver: number;
  /** The next page of each partition. */
  readonly pages: Record<string, number>;
  /** Whether the whole log was read. Later commits of the log may belong to streams that were already scanned. */
  logRead: boolean;
  /** The last commit of the store that was read. */
  after: CommitPlace | undefined;
}

/** The progress of a comparison that begins. */
export const nothingCompared = (): ComparedCommits => ({
  ...{ seen: new Map(), passedOver: 0, pages: {}, logRead: false, after: undefined },
});

/** Most commits that are compared at once. The next verification finds differences among the others. */
const MAX_SEEN = 100_000;
/** Commits of the store that are read in one step. */
const BATCH = 100;

/** The stores of a comparison, its buckets, and the instant before which a commit must be in the log, milliseconds. */
export interface CommitComparison extends LogPlaces, StoredLog {
  readonly commits: CommitScan;
  readonly buckets: ReadonlySet<number>;
  readonly lateBefore: number;
}

/**
 * Finds the commits that differ between store and log, in buckets whose sums differ. It reads both again.
 * @param compared the progress; each step updates it, so that another run can continue
 * @throws UnavailableError
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
        // Unreadable commits were reported when the streams were read.
        if ('commit' in scanned)
          differences.push(...judge(scanned.commit, logged, compared.passedOver > 0, lateBefore));
      }
      if (++read % BATCH !== 0) continue;
      yield differences;
      differences = [];
    }
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error; // reported when the streams were read
    if (differences.length > 0) yield differences;
    return;
  }
  differences.push(...lostOnes(compared.seen));
  compared.seen.clear(); // a run that continues from here does not report them again
  if (differences.length > 0) yield differences;
}

function readable(page: Parameters<typeof commitsOf>[0]): Commit[] {
  try {
    return commitsOf(page);
  } catch (error) {
    if (error instanceof CorruptDataError) return []; // reported when the log was read
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
    return [{ part: 'store', place, kind: 'differs', detail: 'store and log have different commits here' }];
  }
  if (isPart || Date.parse(commit.recordedAt) >= lateBefore) return [];
  const detail = `was recorded ${commit.recordedAt} and is not in the log`;
  return [{ part: 'log', place, kind: 'missing', detail }];
}

const lostOnes = (seen: ReadonlyMap<string, Seen>): Difference[] =>
  [...seen]
    .filter(([, { stored }]) => !stored)
    .map(([place]) => ({ part: 'store', place, kind: 'lost', detail: 'the log has the commit, the store lacks it' }));
