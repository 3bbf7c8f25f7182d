import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CorruptDataError } from '../../../core/base/errors.ts';
import { DatabaseSync } from '../../../core/base/sqlite.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { type LogPage, pageText } from '../../../core/log/page.ts';
import { LargeViewStore, ViewClaims } from '../../../core/projections/large-views.ts';
import type { StoredView } from '../../../core/projections/projection.ts';
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

/** The result of a comparison: numbers of equal commits, pages and views, and all differences. */
export interface Comparison {
  readonly commits: number;
  readonly pages: number;
  readonly views: number;
  /** Number of views at different versions, because the server went on meanwhile or has not yet updated them. */
  readonly moved: number;
  readonly differences: readonly Difference[];
}

/** Most commits that are read at once. */
const PAGE = 100;

/**
 * Compares a restored folder with the original, up to the moment of the backup: every commit with its body, every page of
 * the log, archived pages included, and every view that both have at the same version. A server may use the original.
 * @throws BackupError when either folder lacks its databases
 */
export async function compareFolders(
  originalDir: string,
  restoredDir: string,
  content: BackupContent,
  projections: readonly string[],
): Promise<Comparison> {
  const [original, restored] = [openFolder(originalDir), openFolder(restoredDir)];
  const differences: Difference[] = [];
  try {
    const commits = await compareCommits(original, restored, content.position, differences);
    let pages = 0;
    for (const [partition, last] of Object.entries(content.log)) {
      pages += await compareLog(original.log, restored.log, partition, last, differences);
    }
    let [views, moved] = [0, 0];
    for (const projection of projections) {
      const compared = await compareViews(original, restored, projection, differences);
      views += compared.same;
      moved += compared.moved;
    }
    return { commits, pages, views, moved, differences };
  } finally {
    original.close();
    restored.close();
  }
}

type Folder = ReturnType<typeof openFolder>;

/** Opens a folder without a transaction, so that each read sees the current state: a server replaces parts of large views. */
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

/** @returns the number of equal commits */
async function compareCommits(
  original: Folder,
  restored: Folder,
  last: number,
  differences: Difference[],
): Promise<number> {
  let same = 0;
  for (let position = 0; position < last; ) {
    const ours = original.commits.commitsAfter(position, PAGE).filter((commit) => commit.position <= last);
    const end = ours.at(-1)?.position ?? last;
    const theirs = await commitsUpTo(restored, position, end);
    for (const placed of ours) {
      const fault = await compareCommit(original, restored, placed, theirs.get(placed.position));
      if (fault) differences.push(difference('store', describePlace(placed), ...fault));
      else same += 1;
      theirs.delete(placed.position);
    }
    for (const extra of theirs.values()) {
      differences.push(difference('store', describePlace(extra), 'lost', 'the original does not have the commit'));
    }
    position = end;
  }
  return same;
}

async function commitsUpTo(folder: Folder, after: number, end: number): Promise<Map<number, PositionedCommit>> {
  const found = new Map<number, PositionedCommit>();
  for (let position = after; position < end; ) {
    const page = folder.commits.commitsAfter(position, PAGE);
    for (const placed of page) if (placed.position <= end) found.set(placed.position, placed);
    position = page.at(-1)?.position ?? end;
  }
  return found;
}

type Fault = readonly [kind: DifferenceKind, detail: string];

async function compareCommit(
  original: Folder,
  restored: Folder,
  { commit }: PositionedCommit,
  found: PositionedCommit | undefined,
): Promise<Fault | undefined> {
  if (!found) return ['missing', 'the restored folder does not have the commit'];
  const [ours, theirs] = [await original.claims.redeem(commit), await restored.claims.redeem(found.commit)];
  if (claimOf(ours)) return ['unreadable', 'its body is missing in the original, or has been changed'];
  if (claimOf(theirs)) return ['missing', 'its body is missing in the restored folder, or has been changed'];
  return digestOf(ours).equals(digestOf(theirs)) ? undefined : ['differs', 'the restored folder has another commit'];
}

/** @returns the number of equal pages */
async function compareLog(
  original: LogPlaces,
  restored: LogPlaces,
  partition: string,
  last: number,
  differences: Difference[],
): Promise<number> {
  let same = 0;
  const pages = numberedPages(restored, partition, last);
  for await (const ours of numberedPages(original, partition, last)) {
    const theirs = (await pages.next()).value;
    const place = `partition ${partition}, page ${ours.number}`;
    if (!ours.page) differences.push(difference('log', place, 'unreadable', `in the original: ${ours.detail}`));
    else if (!theirs?.page) {
      differences.push(
        difference('log', place, 'missing', `in the restored folder: ${theirs?.detail ?? 'the log ends before it'}`),
      );
    } else if (!isSamePage(ours.page, theirs.page)) {
      differences.push(difference('log', place, 'differs', 'the restored folder has another page'));
    } else same += 1;
  }
  return same;
}

interface NumberedPage {
  readonly number: number;
  readonly page?: LogPage;
  readonly detail?: string;
}

/** For each number the page, or the fault for which it cannot be read. */
async function* numberedPages(
  places: LogPlaces,
  partition: string,
  last: number,
): AsyncGenerator<NumberedPage, undefined> {
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

function isSamePage(ours: LogPage, theirs: LogPage): boolean {
  const summary = ({ body, types, ...header }: LogPage) => hashOf({ ...header, types: types.toSorted() });
  return summary(ours) === summary(theirs) && sha256(pageText(ours.body)) === sha256(pageText(theirs.body));
}

async function compareViews(
  original: Folder,
  restored: Folder,
  projection: string,
  differences: Difference[],
): Promise<{ same: number; moved: number }> {
  let [same, moved] = [0, 0];
  const [ourLive, theirLive] = [await original.live(projection), await restored.live(projection)];
  const keys = original.database.prepare('SELECT key FROM views WHERE projection = ? AND generation = ? ORDER BY key');
  for (const { key } of keys.all(projection, ourLive)) {
    try {
      const ours = await original.views.get(projection, ourLive, String(key));
      const theirs = await restored.views.get(projection, theirLive, String(key));
      if (ours?.version !== theirs?.version) moved += 1;
      else if (shownBy(ours) === shownBy(theirs)) same += 1;
      else
        differences.push(difference('views', `${projection}/${key}`, 'differs', 'the history leads to another view'));
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      differences.push(difference('views', `${projection}/${key}`, 'unreadable', error.message));
    }
  }
  return { same, moved };
}

const shownBy = (stored: StoredView | undefined): string => hashOf([stored?.view, stored?.entries]);

const describePlace = ({ commit: { stream, version } }: PositionedCommit): string => `${stream} version ${version}`;

const difference = (part: Difference['part'], place: string, kind: DifferenceKind, detail: string): Difference => ({
  ...{ part, place, kind, detail },
});
