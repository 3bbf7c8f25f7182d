import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../../adapters/aws/dynamodb/control-store.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { bucketObjects } from '../../adapters/aws/s3/bucket.ts';
import { LogArchive } from '../../core/log/archive.ts';
import { LargeViewStore, ViewClaims, withLargeCheckpoints } from '../../core/projections/large-views.ts';
import { Generations } from '../../core/replays/generations.ts';
import { SnapshotStore } from '../../core/state/snapshot-store.ts';
import { ClaimCheck } from '../../core/store/claim-check.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { decoratedStorage } from '../../core/telemetry/decorated-storage.ts';
import { catalogue } from '../../events/catalogue.ts';
import { damage, lines, metrics, settings, tracer } from './stage.ts';

// Each store by the name of its table or bucket. A bundle holds only the stores that its function names.

export const commitsIn = (table: string) => new DynamoCommitStorage(dynamoDb(), table);
/** Views as they are stored, with claims for what is large. */
export const storedViewsIn = (table: string) => new DynamoViewStore(dynamoDb(), table);
export const viewClaimsIn = (bucket: string) => new ViewClaims(bucketObjects(bucket));
export const viewsIn = (table: string, bucket: string) =>
  new LargeViewStore(storedViewsIn(table), viewClaimsIn(bucket));
export const sharedViewsIn = (table: string, bucket: string) =>
  withLargeCheckpoints(new DynamoSharedViews(dynamoDb(), table), viewClaimsIn(bucket));
export const controlIn = (table: string) => new DynamoControlStore(dynamoDb(), table);
export const claimsIn = (bucket: string) => new ClaimCheck(bucketObjects(bucket));
export const archiveIn = (bucket: string) => new LogArchive(bucketObjects(bucket));

export const eventStore = (table: string, bucket: string) =>
  new EventStore(decoratedStorage(commitsIn(table), { claims: claimsIn(bucket), metrics }), {
    catalogue,
    trace: () => tracer.header,
  });

export const snapshotsIn = (bucket: string) =>
  new SnapshotStore(bucketObjects(bucket), {
    catalogue,
    interval: settings.snapshots.frequency,
    onFault: lines.snapshotUnusable,
    metrics,
  });

/** Where the pages of the log are, new and archived. */
export const logPlaces = (table: string, bucket: string) => ({
  storage: new DynamoLogStorage(dynamoDb(), table),
  catalogue,
  strategy: settings.store.partition_strategy,
  shards: settings.store.log_shards,
  claims: claimsIn(bucket),
  archive: archiveIn(bucket),
  onDamage: (error: unknown) => damage.note(error),
});

/** The log as readers get it, who are refused a log of another history than the events. */
export const logOf = (eventsTable: string, table: string, bucket: string) => ({
  ...logPlaces(table, bucket),
  history: commitsIn(eventsTable),
});

/** A warm function learns up to this late that another generation is live or built; see docs/replay.md. */
const POINTERS_MAX_AGE_MS = 1_000;
export const generationsIn = (table: string) => new Generations(controlIn(table), { maxAgeMs: POINTERS_MAX_AGE_MS });
