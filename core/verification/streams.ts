import { setImmediate as nextTurn } from 'node:timers/promises';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, commitJson, endOf } from '../store/commit.ts';
import type { CommitPlace, CommitScan } from '../store/commit-scan.ts';
import { DigestSum, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';

/** A stream of the store, as it was read. */
export interface ScannedStream {
  readonly stream: string;
  last: CommitPlace;
  head: number;
  commits: number;
  readonly sum: DigestSum;
  readonly differences: Difference[];
}

/** The checks of {@link scanStreams}. */
export interface StreamChecks {
  /** Whether a commit counts in the sums. */
  readonly isSettled: (commit: Commit) => boolean;
  /** Reads the body of a large commit from its object. */
  readonly redeem: (commit: Commit) => Promise<Commit>;
}

/** Commits that are read between two turns of the event loop. */
const COMMITS_A_TURN = 50;

/**
 * The streams of a store, one by one. Their versions must follow each other. It adds up the settled commits. When the
 * store cannot be read further, the last stream carries that difference.
 */
export async function* scanStreams(
  scan: CommitScan,
  after: CommitPlace | undefined,
  { isSettled, redeem }: StreamChecks,
): AsyncGenerator<ScannedStream> {
  let current: ScannedStream | undefined;
  let read = 0;
  try {
    for await (const scanned of scan.scan(after)) {
      const place = 'commit' in scanned ? scanned.commit : scanned.place;
      if (current && current.stream !== place.stream) yield current;
      if (current?.stream !== place.stream) current = begin(place.stream);
      current.last = { stream: place.stream, version: place.version };
      if ('commit' in scanned) await take(current, scanned.commit, { isSettled, redeem });
      else takeDamage(current, scanned);
      if (++read % COMMITS_A_TURN === 0) await nextTurn();
    }
    if (current) yield current;
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    const at = current ?? begin(after?.stream ?? '');
    const detail = `the store cannot be read after this stream: ${error.message}`;
    const place = at.stream === '' ? 'all streams' : `stream ${at.stream}`;
    at.differences.push({ part: 'store', place, kind: 'unreadable', detail });
    yield at;
  }
}

const begin = (stream: string): ScannedStream => ({
  stream,
  ...{ last: { stream, version: 0 }, head: 0, commits: 0, sum: new DigestSum(), differences: [] },
});

async function take(current: ScannedStream, commit: Commit, { isSettled, redeem }: StreamChecks): Promise<void> {
  if (commit.version !== current.head + 1) {
    const detail = `version ${current.head + 1} is next, the commit starts at ${commit.version}`;
    current.differences.push({ part: 'store', place: placeOf(commit), kind: 'gap', detail });
  }
  current.head = Math.max(current.head, endOf(commit));
  current.commits += 1;
  if (isSettled(commit)) current.sum.add(digestOf(commit));
  try {
    commitJson(await redeem(commit));
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    current.differences.push({ part: 'store', place: placeOf(commit), kind: 'unreadable', detail: error.message });
  }
}

function takeDamage(current: ScannedStream, { place, damage }: { place: CommitPlace; damage: string }): void {
  current.commits += 1;
  current.head = Math.max(current.head, place.version);
  current.differences.push({ part: 'store', place: placeOf(place), kind: 'unreadable', detail: damage });
}

/** The name of a commit in differences. */
export const placeOf = ({ stream, version }: CommitPlace): string => `stream ${stream}, version ${version}`;
