import type { EventSystem } from '../../../core/base/configuration.ts';
import type { Logger } from '../../../core/base/log-lines.ts';
import type { Catalogue } from '../../../core/events/catalogue.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { assertMayBecome, PartitionStrategyError } from '../../../core/log/closing.ts';
import { EventLog } from '../../../core/log/log.ts';
import { layoutOf } from '../../../core/log/partition.ts';
import { RecentPages } from '../../../core/log/recent-pages.ts';
import { LargeViewStore, ViewClaims, withLargeCheckpoints } from '../../../core/projections/large-views.ts';
import { Generations } from '../../../core/replays/generations.ts';
import { compileLater } from '../../../core/schemas/compile-later.ts';
import { ClaimCheck } from '../../../core/store/claim-check.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import type { DamageRecord } from '../../../core/telemetry/damage.ts';
import { decoratedStorage } from '../../../core/telemetry/decorated-storage.ts';
import type { Telemetry } from '../../../core/telemetry/telemetry.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { type DataFolder, StartupError } from '../sqlite/database.ts';
import { SqliteHistoryMark } from '../sqlite/history-mark.ts';
import { SqliteLogStorage } from '../sqlite/log-storage.ts';
import { SqliteSharedViews } from '../sqlite/shared-views.ts';
import { SqliteViewStore } from '../sqlite/view-store.ts';

/** Settings of {@link openStores}. */
export interface StoreOptions {
  readonly catalogue: Catalogue;
  readonly dataDir: string;
  readonly settings: EventSystem;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly damage: DamageRecord;
}

/** The ports of core on an open data folder. */
export type EngineStores = ReturnType<typeof openStores>;

/**
 * Creates the stores on an open data folder. Removes views that belong to another history of events.
 * @throws UnavailableError when the folder cannot be read
 * @throws StartupError when the log has more partitions than the settings say
 */
export function openStores(
  folder: DataFolder,
  { catalogue, dataDir, settings, telemetry, logger, damage }: StoreOptions,
) {
  const commits = new SqliteCommitStorage(folder.events);
  const objects = new FileObjectStore(dataDir);
  const claims = new ClaimCheck(objects);
  const { storedViews, historyMark } = openViews(folder, commits, logger, damage);
  const viewClaims = new ViewClaims(objects);
  const control = new SqliteControlStore(folder.views);
  const logPages = {
    ...openLog(folder, objects, settings, catalogue),
    onDamage: (error: unknown) => damage.note(error),
  };
  return {
    commits,
    objects,
    claims,
    store: new EventStore(decoratedStorage(commits, { claims, ...telemetry }), {
      catalogue,
      compile: compileLater,
      trace: () => telemetry.tracer.header,
    }),
    viewClaims,
    storedViews,
    historyMark,
    views: new LargeViewStore(storedViews, viewClaims),
    sharedViews: withLargeCheckpoints(new SqliteSharedViews(folder.views, storedViews), viewClaims),
    control,
    // Only this process switches generations, so its cache never gets stale.
    generations: new Generations(control, { maxAgeMs: Number.POSITIVE_INFINITY }),
    logPages,
    log: new EventLog({ ...logPages, claims }),
    // In the database of the events, so that they outlive deleted views.
    busMarks: new SqliteViewStore(folder.bookkeeping),
    workItems: new SqliteControlStore(folder.bookkeeping, 'stop the server and restore events.sqlite from a backup'),
  };
}

function openLog({ events }: DataFolder, objects: FileObjectStore, { store }: EventSystem, catalogue: Catalogue) {
  const storage = new SqliteLogStorage(events);
  const partitioning = { strategy: store.partition_strategy, shards: store.log_shards };
  try {
    assertMayBecome(storage.layout(catalogue), layoutOf(partitioning, catalogue));
  } catch (error) {
    if (error instanceof PartitionStrategyError) throw new StartupError(error.message);
    throw error;
  }
  return { storage, catalogue, ...partitioning, archive: new LogArchive(objects), recent: new RecentPages() };
}

const VIEWS_AHEAD =
  'at the start the views had events that the store lacks, so they are built again: events were lost, or restored from an older backup; compare with the newest backup';

/** Opens the views, and clears them when they belong to another history: they have commits that the events lack. */
function openViews(
  { views: database }: DataFolder,
  commits: SqliteCommitStorage,
  logger: Logger,
  damage: DamageRecord,
) {
  const views = new SqliteViewStore(database);
  const historyMark = new SqliteHistoryMark(database);
  const isForeign = views.position() > commits.lastPosition() || !historyMark.isIn(commits);
  if (isForeign) {
    logger.warn('the views have events that the store lacks, and are built again', { position: views.position() });
    damage.add(VIEWS_AHEAD);
    views.clear();
  }
  return { storedViews: views, historyMark };
}
