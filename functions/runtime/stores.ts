import application from '#application';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../../adapters/aws/dynamodb/control-store.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { bucketObjects } from '../../adapters/aws/s3/bucket.ts';
import type { CompileSchema } from '../../core/events/open-types.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { LargeViewStore, ViewClaims, withLargeCheckpoints } from '../../core/projections/large-views.ts';
import { Generations } from '../../core/replays/generations.ts';
import { SnapshotStore } from '../../core/state/snapshot-store.ts';
import { ClaimCheck } from '../../core/store/claim-check.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { decoratedStorage } from '../../core/telemetry/decorated-storage.ts';
import { damage, lines, metrics, settings, tracer } from './stage.ts';

// Each function creates a store from the name of its table or bucket. A bundle holds only the stores that its function uses.

/** The commits in the events table. */
export const commitsIn = (table: string) => new DynamoCommitStorage(dynamoDb(), table);
/** The views as they are stored, with claims in the place of large views. */
export const storedViewsIn = (table: string) => new DynamoViewStore(dynamoDb(), table);
/** The bodies of large views. */
export const viewClaimsIn = (bucket: string) => new ViewClaims(bucketObjects(bucket));
/** The views, large views included. */
export const viewsIn = (table: string, bucket: string) =>
  new LargeViewStore(storedViewsIn(table), viewClaimsIn(bucket));
/** The shared views. */
export const sharedViewsIn = (table: string, bucket: string) =>
  withLargeCheckpoints(new DynamoSharedViews(dynamoDb(), table), viewClaimsIn(bucket));
/** The control items. */
export const controlIn = (table: string) => new DynamoControlStore(dynamoDb(), table);
/** The bodies of large commits. */
export const claimsIn = (bucket: string) => new ClaimCheck(bucketObjects(bucket));
/** The archived segments of the log. */
export const archiveIn = (bucket: string) => new LogArchive(bucketObjects(bucket));

/** The streams of events. @param compile where events of registered types are appended */
export const eventStore = (table: string, bucket: string, compile?: CompileSchema) =>
  new EventStore(decoratedStorage(commitsIn(table), { claims: claimsIn(bucket), metrics }), {
    catalogue: application.catalogue,
    compile,
    trace: () => tracer.header,
  });

/** The snapshots of states. */
export const snapshotsIn = (bucket: string) =>
  new SnapshotStore(bucketObjects(bucket), {
    catalogue: application.catalogue,
    interval: settings.snapshots.frequency,
    onFault: lines.snapshotUnusable,
    metrics,
  });

/** The places of the log's pages: the table for new pages, the bucket for archived pages. */
export const logPlaces = (table: string, bucket: string) => ({
  storage: new DynamoLogStorage(dynamoDb(), table),
  catalogue: application.catalogue,
  strategy: settings.store.partition_strategy,
  shards: settings.store.log_shards,
  claims: claimsIn(bucket),
  archive: archiveIn(bucket),
  onDamage: (error: unknown) => damage.note(error),
});

/** The log for readers. It refuses to be read when it belongs to another history than the events. */
export const readableLog = (eventsTable: string, table: string, bucket: string) => ({
  ...logPlaces(table, bucket),
  history: commitsIn(eventsTable),
});

/** Most memory for views of the past, in bytes: a function has a few hundred megabytes. */
export const PAST_BYTES = 64 * 1024 * 1024;

/** A warm function notices at most this late that another generation is live or being built; see docs/replay.md. */
const POINTERS_MAX_AGE_MS = 1_000;
/** The generations of projections, cached for a second. */
export const generationsIn = (table: string) => new Generations(controlIn(table), { maxAgeMs: POINTERS_MAX_AGE_MS });
