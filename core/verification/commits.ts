import { setImmediate as nextTurn } from 'node:timers/promises';
import { CorruptDataError } from '../base/errors.ts';
import { allPartitions, type StoredLog } from '../log/layouts.ts';
import { commitsOf } from '../log/page.ts';
import type { Commit } from '../store/commit.ts';
import type { CommitScan } from '../store/commit-scan.ts';
import { bucketOf, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';
import { type LogPlaces, seePages } from './log-pages.ts';
import { placeOf } from './streams.ts';

/** A commit in the buckets that are looked into. */
interface Seen {
  readonly place: string;
  logged: number;
  digest: string;
  stored: boolean;
}

/** Commits that are held against each other; over that, the rest is found by the next verification. */
const MAX_SEEN = 100_000;

/** Names the commits that store and log do not agree on, in buckets whose sums differ: reads both once more. */
export async function* compareCommits(
  places: LogPlaces & StoredLog & { readonly commits: CommitScan },
  buckets: ReadonlySet<number>,
  lateBefore: number,
): AsyncGenerator<readonly Difference[]> {
  const seen = new Map<string, Seen>();
  const differences: Difference[] = [];
  let passedOver = 0;
  const wanted = (stream: string) => buckets.has(bucketOf(stream));
  for (const partition of await allPartitions(places)) {
    for await (const found of seePages(places, partition, 1)) {
      for (const commit of 'page' in found ? readable(found.page) : []) {
        if (!wanted(commit.stream)) continue;
        if (seen.size < MAX_SEEN) takeLogged(seen, commit, differences);
        else passedOver += 1;
      }
      yield [];
    }
  }
  let read = 0;
  try {
    for await (const scanned of places.commits.scan()) {
      if (++read % 100 === 0) await nextTurn();
      const place = 'commit' in scanned ? scanned.commit : scanned.place;
      if (!wanted(place.stream)) continue;
      const logged = seen.get(placeOf(place));
      if (logged) logged.stored = true;
      if (!('commit' in scanned)) continue; // named when the streams were looked at
      differences.push(...judge(scanned.commit, logged, passedOver > 0, lateBefore));
    }
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error; // named when the streams were looked at
    yield differences;
    return;
  }
  yield [...differences, ...lostOnes(seen)];
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
  if (!known) seen.set(place, { place, logged: 1, digest: digestOf(commit).toString('base64'), stored: false });
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
  [...seen.values()]
    .filter(({ stored }) => !stored)
    .map(({ place }) => ({ part: 'store', place, kind: 'lost', detail: 'the log has it, the store has not' }));
