import application from '#application';
import { Projector } from '../core/projections/projector.ts';
import { SnapshotWriter } from '../core/state/snapshot-writer.ts';
import { StateReader } from '../core/state/state-reader.ts';
import type { Commit } from '../core/store/commit.ts';
import { observedDelivery } from '../core/telemetry/telemetry.ts';
import { budgetsOf } from './runtime/budgets.ts';
import { streamHandler } from './runtime/handlers.ts';
import { withinInvocation } from './runtime/publication.ts';
import { lines, metrics, readEnvironment, settings, telemetry } from './runtime/stage.ts';
import { claimsIn, eventStore, generationsIn, sharedViewsIn, snapshotsIn, viewsIn } from './runtime/stores.ts';

const { catalogue, folds, projections } = application;

/** Most memory of the states of budgets. */
const BUDGET_BYTES = 4 * 1024 * 1024;

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, OBJECTS_BUCKET } = readEnvironment('projector');
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
const pointers = generationsIn(CONTROL_TABLE);
const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const sharedViews = sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const projector = new Projector({
  ...{ projections, store, views, sharedViews },
  generations: (projection) => pointers.wanted(projection),
  concurrency: settings.processors.concurrent_workers,
});
const snapshots = settings.snapshots.enabled
  ? new SnapshotWriter({
      store,
      snapshots: snapshotsIn(OBJECTS_BUCKET),
      folds,
      onError: lines.snapshotNotWritten,
    })
  : undefined;
const states = new StateReader({ store, cacheBytes: BUDGET_BYTES });
const budgets = budgetsOf({ store, states, views, sharedViews, generations: pointers });
const policy = withinInvocation();

const project = async (commits: readonly Commit[]) => {
  const applied = projector.applyOrPark(commits, policy, ({ error, ...place }, parked) => {
    const {
      projection: { name },
      generation,
      stream,
    } = place;
    metrics.count('dead_letters_total', { projection: name });
    lines.parkedByProjection({ projection: name, generation, stream }, parked, error);
  });
  const [failures] = await Promise.all([applied, snapshots?.write(commits)]);
  return [...failures, ...((await budgets?.lookAt(commits)) ?? [])];
};

/** Applies new commits to the views, looks at the budgets that they use, and writes snapshots. */
export const handler = streamHandler(
  observedDelivery('projector', project, { ...telemetry, catalogue }),
  claimsIn(OBJECTS_BUCKET),
);
