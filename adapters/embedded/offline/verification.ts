import type { Catalogue } from '../../../core/events/catalogue.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { LargeViewStore, ViewClaims, withLargeCheckpoints } from '../../../core/projections/large-views.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import { Generations } from '../../../core/replays/generations.ts';
import { ClaimCheck, LargeCommitStorage } from '../../../core/store/claim-check.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { Verification } from '../../../core/verification/verification.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { openForReading } from '../sqlite/database.ts';
import { SqliteLogStorage } from '../sqlite/log-storage.ts';
import { SqliteSharedViews } from '../sqlite/shared-views.ts';
import { SqliteViewStore } from '../sqlite/view-store.ts';

/** A verification of an open data folder. */
export interface OpenVerification {
  readonly verification: Verification;
  /** Closes the databases. */
  close(): void;
}

/** Settings of {@link openVerification}. */
export interface OfflineVerificationOptions {
  readonly projections: readonly AnyProjection[];
  readonly catalogue: Catalogue;
  /** Log and views may lack events that are younger than this, milliseconds; 0 for a folder without writers. */
  readonly graceMs?: number;
}

/**
 * Opens a data folder for verification, also beside a process that uses it. The verification sees the state at this call.
 * @throws StartupError when the folder cannot be read
 */
export function openVerification(
  dataDir: string,
  { projections, catalogue, graceMs }: OfflineVerificationOptions,
): OpenVerification {
  const { events, views: database, close } = openForReading(dataDir);
  const objects = new FileObjectStore(dataDir, { readOnly: true });
  const claims = new ClaimCheck(objects);
  const commits = new SqliteCommitStorage(events);
  const views = new SqliteViewStore(database);
  const viewClaims = new ViewClaims(objects);
  const generations = new Generations(new SqliteControlStore(database), { maxAgeMs: 0 });
  const verification = new Verification({
    ...{ projections, catalogue, commits, claims },
    ...(graceMs === undefined ? {} : { graceMs }),
    views: new LargeViewStore(views, viewClaims),
    store: new EventStore(new LargeCommitStorage(commits, claims), { catalogue }),
    storage: new SqliteLogStorage(events),
    archive: new LogArchive(objects),
    sharedViews: withLargeCheckpoints(new SqliteSharedViews(database, views), viewClaims),
    live: (projection) => generations.live(projection),
  });
  return { verification, close };
}
