import { configureEventSystem, type EventSystem } from '../../../core/base/configuration.ts';
import { EventLog } from '../../../core/log/log.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import { Verification } from '../../../core/projections/verification.ts';
import { Generations } from '../../../core/replays/generations.ts';
import { ClaimCheck, LargeCommitStorage } from '../../../core/store/claim-check.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { openForReading } from '../sqlite/database.ts';
import { SqliteLogStorage } from '../sqlite/log-storage.ts';
import { SqliteSharedViews } from '../sqlite/shared-views.ts';
import { SqliteViewStore } from '../sqlite/view-store.ts';

/**
 * A verification of a data folder, also of one that another process has in use.
 * @throws StartupError when the folder cannot be read
 */
export function openVerification(
  dataDir: string,
  projections: readonly AnyProjection[],
  settings: EventSystem = configureEventSystem({}),
): { verification: Verification; close: () => void } {
  const { events, views: database, close } = openForReading(dataDir);
  const claims = new ClaimCheck(new FileObjectStore(dataDir, { readOnly: true }));
  const views = new SqliteViewStore(database);
  const generations = new Generations(new SqliteControlStore(database), { maxAgeMs: 0 });
  const verification = new Verification({
    projections,
    store: new EventStore(new LargeCommitStorage(new SqliteCommitStorage(events), claims)),
    log: new EventLog({ storage: new SqliteLogStorage(events), strategy: settings.store.partition_strategy, claims }),
    views,
    sharedViews: new SqliteSharedViews(database, views),
    live: (projection) => generations.live(projection),
  });
  return { verification, close };
}
