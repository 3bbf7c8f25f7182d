import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { SqliteCommitStorage } from '../../adapters/embedded/sqlite/commit-storage.ts';
import { SqliteControlStore } from '../../adapters/embedded/sqlite/control-store.ts';
import { openDataFolder } from '../../adapters/embedded/sqlite/database.ts';
import { SqliteGenerationStore } from '../../adapters/embedded/sqlite/generation-store.ts';
import { SqliteLogStorage } from '../../adapters/embedded/sqlite/log-storage.ts';
import { SqliteSagaIndex } from '../../adapters/embedded/sqlite/saga-index.ts';
import { SqliteSharedViews } from '../../adapters/embedded/sqlite/shared-views.ts';
import { SqliteTimers } from '../../adapters/embedded/sqlite/timers.ts';
import { SqliteViewStore } from '../../adapters/embedded/sqlite/view-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { commitScanContract } from './commit-scan.suite.ts';
import { controlStoreContract } from './control-store.suite.ts';
import { counterNamesContract } from './counter-names.suite.ts';
import { entryProjectingContract } from './entry-projecting.suite.ts';
import { eventStoreContract } from './event-store.suite.ts';
import { generationStoreContract } from './generation-store.suite.ts';
import { largeViewsContract } from './large-views.suite.ts';
import { logContract } from './log.suite.ts';
import { sagaIndexContract } from './saga-index.suite.ts';
import { sharedProjectingContract } from './shared-projecting.suite.ts';
import { sharedViewStoreContract } from './shared-view-store.suite.ts';
import { timersContract } from './timers.suite.ts';
import { viewEntriesContract } from './view-entries.suite.ts';
import { viewStoreContract } from './view-store.suite.ts';

const parent = temporaryFolder();
const folder = openDataFolder(parent);
afterAll(() => folder.close());
let folders = 0;

eventStoreContract('SQLite', async () => new SqliteCommitStorage(folder.events));
commitScanContract('SQLite', async () => new SqliteCommitStorage(openDataFolder(temporaryFolder()).events));
viewStoreContract('SQLite', async () => new SqliteViewStore(folder.views));
generationStoreContract('SQLite', async () => {
  return { views: new SqliteViewStore(folder.views), generations: new SqliteGenerationStore(folder.views) };
});
viewEntriesContract('SQLite', async () => {
  return { views: new SqliteViewStore(folder.views), generations: new SqliteGenerationStore(folder.views) };
});
entryProjectingContract('SQLite', async () => {
  return { views: new SqliteViewStore(folder.views), generations: new SqliteGenerationStore(folder.views) };
});
controlStoreContract('SQLite', async () => new SqliteControlStore(folder.views));
sagaIndexContract('SQLite', async () => new SqliteSagaIndex(openDataFolder(temporaryFolder()).bookkeeping));
timersContract('SQLite', async () => {
  const timers = new SqliteTimers(openDataFolder(temporaryFolder()).bookkeeping);
  const pass = async (to: string) => {
    const due = timers.due(to, 100);
    for (const scheduleId of due) await timers.remove({ scheduleId, dueAt: to });
    return due;
  };
  return { timers, pass };
});
logContract('SQLite', async () => {
  const logFolder = openDataFolder(join(parent, `log-${++folders}`));
  onTestFinished(() => logFolder.close());
  return new SqliteLogStorage(logFolder.events);
});
sharedViewStoreContract('SQLite', async () => {
  const views = new SqliteViewStore(folder.views);
  return { views, shared: new SqliteSharedViews(folder.views, views) };
});
largeViewsContract('SQLite', async () => {
  const views = new SqliteViewStore(folder.views);
  return { views, shared: new SqliteSharedViews(folder.views, views) };
});
sharedProjectingContract('SQLite', async () => {
  const views = new SqliteViewStore(folder.views);
  return { views, shared: new SqliteSharedViews(folder.views, views) };
});
counterNamesContract('SQLite', async () => {
  const views = new SqliteViewStore(folder.views);
  return { views, shared: new SqliteSharedViews(folder.views, views) };
});
