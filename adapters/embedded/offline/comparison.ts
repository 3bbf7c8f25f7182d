import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { type LogPage, pageText } from '../../../core/log/page.ts';
import { LargeViewStore, ViewClaims } from '../../../core/projections/large-views.ts';
import { hashOf } from '../../../core/projections/view-hash.ts';
import { Generations } from '../../../core/replays/generations.ts';
import { ClaimCheck, claimOf } from '../../../core/store/claim-check.ts';
import { digestOf } from '../../../core/verification/commit-sums.ts';
import type { Difference, DifferenceKind } from '../../../core/verification/difference.ts';
import { type LogPlaces, seePages } from '../../../core/verification/log-pages.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { type PositionedCommit, SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { SqliteLogStorage } from '../sqlite/log-storage.ts';
import { SqliteViewStore } from '../sqlite/view-store.ts';
import { type BackupContent, BackupError, EVENTS, sha256 } from './backup-folder.ts';

/** What was found alike, and what was not. */
export interface Comparison {
  readonly commits: number;
  readonly pages: number;
  readonly views: number;
  /** Views of the original that are at another version, because the server went on meanwhile or is not done with them. */
  readonly moved: number;
  readonly differences: readonly Difference[];
}

/** Commits read at once. */
const PAGE = 100;

/**
 * Holds a restored folder against the original, up to the moment of the backup: every commit with its body, every page of
 * the log with the archived ones, and every view that both have at the same version. A server may go on with the original.
 * @throws BackupError when either folder lacks its databases
 */
export async function compareFolders(
  original: string,
  restored: string,
  content: BackupContent,
  projections: readonly string[],
): Promise<Comparison> {
  const [one, other] = [openFolder(original), openFolder(restored)];
  const differences: Difference[] = [];
  try {
    const commits = await compareCommits(one, other, content.position, differences);
    let pages = 0;
    for (const [partition, last] of Object.entries(content.log)) {
      pages += await compareLog(one.log, other.log, partition, last, differences);
    }
    let [views, moved] = [0, 0];
    for (const projection of projections) {
      const compared = await compareViews(one, other, projection, differences);
      views += compared.same;
      moved += compared.moved;
    }
    return { commits, pages, views, moved, differences };
  } finally {
    one.close();
    other.close();
  }
}

type Folder = ReturnType<typeof openFolder>;

/** Reads what is there at each look: large parts of views are replaced as a server goes on. */
function openFolder(dataDir: string) {
  const open = (file: string): DatabaseSync => {
    const path = join(dataDir, file);
    if (!existsSync(path)) throw new BackupError(`there is no ${path}; name a data folder`);
    return new DatabaseSync(path, { readOnly: true });
  };
  const [events, database] = [open(EVENTS), open('views.sqlite')];
  const objects = new FileObjectStore(dataDir, { readOnly: true });
  const generations = new Generations(new SqliteControlStore(database), { maxAgeMs: 0 });
  return {
    commits: new SqliteCommitStorage(events),
    claims: new ClaimCheck(objects),
    log: { storage: new SqliteLogStorage(events), archive: new LogArchive(objects) },
    database,
    views: new LargeViewStore(new SqliteViewStore(database), new ViewClaims(objects)),
    live: (projection: string) => generations.live(projection),
    close: () => {
      events.close();
      database.close();
    },
  };
}

/** @returns how many are the same */
async function compareCommits(one: Folder, other: Folder, last: number, differences: Difference[]): Promise<number> {
  let same = 0;
  for (let position = 0; position < last; ) {
    const ours = one.commits.commitsAfter(position, PAGE).filter((commit) => commit.position <= last);
    const end = ours.at(-1)?.position ?? last;
    const theirs = await commitsUpTo(other, position, end);
    for (const placed of ours) {
      const fault = await faultOf(one, other, placed, theirs.get(placed.position));
      if (fault) differences.push(differenceOf('store', placeOf(placed), ...fault));
      else same += 1;
      theirs.delete(placed.position);
    }
    for (const extra of theirs.values()) {
      differences.push(differenceOf('store', placeOf(extra), 'lost', 'the original does not have it'));
    }
    position = end;
  }
  return same;
}

async function commitsUpTo(folder: Folder, after: number, end: number): Promise<Map<number, PositionedCommit>> {
  const found = new Map<number, PositionedCommit>();
  for (let position = after; position < end; ) {
    const some = folder.commits.commitsAfter(position, PAGE);
    for (const placed of some) if (placed.position <= end) found.set(placed.position, placed);
    position = some.at(-1)?.position ?? end;
  }
  return found;
}

type Fault = readonly [kind: DifferenceKind, detail: string];

async function faultOf(
  one: Folder,
  other: Folder,
  { commit }: PositionedCommit,
  restored: PositionedCommit | undefined,
): Promise<Fault | undefined> {
  if (!restored) return ['missing', 'the restored folder does not have it'];
  const [ours, theirs] = [await one.claims.redeem(commit), await other.claims.redeem(restored.commit)];
  if (claimOf(ours)) return ['unreadable', 'its body is missing in the original, or has been changed'];
  if (claimOf(theirs)) return ['missing', 'its body is missing in the restored folder, or has been changed'];
  return digestOf(ours).equals(digestOf(theirs))
    ? undefined
    : ['differs', 'it is another commit in the restored folder'];
}

/** @returns how many pages are the same */
async function compareLog(
  one: LogPlaces,
  other: LogPlaces,
  partition: string,
  last: number,
  differences: Difference[],
): Promise<number> {
  let same = 0;
  const theirs = pagesOf(other, partition, last);
  for await (const ours of pagesOf(one, partition, last)) {
    const restored = (await theirs.next()).value;
    const place = `partition ${partition}, page ${ours.number}`;
    if (!ours.page) differences.push(differenceOf('log', place, 'unreadable', `in the original: ${ours.detail}`));
    else if (!restored?.page) {
      differences.push(
        differenceOf('log', place, 'missing', `in the restored folder: ${restored?.detail ?? 'it ends before'}`),
      );
    } else if (!isSamePage(ours.page, restored.page)) {
      differences.push(differenceOf('log', place, 'differs', 'it is another page in the restored folder'));
    } else same += 1;
  }
  return same;
}

interface NumberedPage {
  readonly number: number;
  readonly page?: LogPage;
  readonly detail?: string;
}

/** A page, or what is wrong with it, for each number. */
async function* pagesOf(places: LogPlaces, partition: string, last: number): AsyncGenerator<NumberedPage, undefined> {
  let number = 1;
  for await (const seen of seePages(places, partition, 1)) {
    const end = Math.min('page' in seen ? seen.page.page : seen.to, last);
    for (; number <= end; number++) {
      yield 'page' in seen ? { number, page: seen.page } : { number, detail: seen.detail };
    }
    if (number > last) return;
  }
  for (; number <= last; number++) yield { number, detail: 'the log ends before it' };
}

function isSamePage(one: LogPage, other: LogPage): boolean {
  const summary = ({ body, types, ...header }: LogPage) => hashOf({ ...header, types: types.toSorted() });
  return summary(one) === summary(other) && sha256(pageText(one.body)) === sha256(pageText(other.body));
}

async function compareViews(
  one: Folder,
  other: Folder,
  projection: string,
  differences: Difference[],
): Promise<{ same: number; moved: number }> {
  let [same, moved] = [0, 0];
  const [live, restored] = [await one.live(projection), await other.live(projection)];
  const keys = one.database.prepare('SELECT key FROM views WHERE projection = ? AND generation = ? ORDER BY key');
  for (const { key } of keys.all(projection, live)) {
    try {
      const ours = await one.views.get(projection, live, String(key));
      const theirs = await other.views.get(projection, restored, String(key));
      if (ours?.version !== theirs?.version) moved += 1;
      else if (hashOf(ours?.view) === hashOf(theirs?.view)) same += 1;
      else differences.push(differenceOf('views', `${projection}/${key}`, 'differs', 'history makes it another view'));
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      differences.push(differenceOf('views', `${projection}/${key}`, 'unreadable', error.message));
    }
  }
  return { same, moved };
}

const placeOf = ({ commit: { stream, version } }: PositionedCommit): string => `${stream} version ${version}`;

const differenceOf = (part: Difference['part'], place: string, kind: DifferenceKind, detail: string): Difference => ({
  ...{ part, place, kind, detail },
});
