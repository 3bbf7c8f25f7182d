import type { EventSystem } from '../../../core/base/configuration.ts';
import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import type { AnyFold } from '../../../core/state/fold.ts';
import { SnapshotStore } from '../../../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../../../core/state/snapshot-writer.ts';
import { DEFAULT_CACHE_BYTES } from '../../../core/state/state-cache.ts';
import { StateReader } from '../../../core/state/state-reader.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import type { Metrics } from '../../../core/telemetry/metrics.ts';

interface Parts {
  readonly store: EventStore;
  readonly objects: ObjectStore;
  readonly folds: readonly AnyFold[];
  readonly settings: EventSystem;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Creates the reader of states, and the writer of snapshots. The writer is undefined when the settings disable snapshots. */
export function openStates({ store, objects, folds, settings, logger, metrics }: Parts) {
  const { enabled, frequency: interval } = settings.snapshots;
  const { snapshotUnusable, snapshotNotWritten } = logLines(logger);
  const snapshots = new SnapshotStore(objects, {
    catalogue: store.catalogue,
    interval,
    onFault: snapshotUnusable,
    metrics,
  });
  const states = new StateReader({ store, snapshots, cacheBytes: DEFAULT_CACHE_BYTES, metrics });
  return {
    states,
    writer: enabled ? new SnapshotWriter({ store, snapshots, folds, onError: snapshotNotWritten }) : undefined,
  };
}
