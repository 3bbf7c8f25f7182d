import type { Context } from 'aws-lambda';
import application from '#application';
import { type WorkDeps, workRoutes } from '../api/work.ts';
import { workOf } from '../application/work.ts';
import { admitsEveryClaim } from '../core/budgets/claims.ts';
import { EventLog } from '../core/log/log.ts';
import { PastFolds } from '../core/projections/past-folds.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { DEFAULT_CACHE_BYTES } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { budgetsOf } from './runtime/budgets.ts';
import { appDeps, httpHandler, scheduledHandler } from './runtime/handlers.ts';
import { metrics, readEnvironment, tracer } from './runtime/stage.ts';
import {
  controlIn,
  eventStore,
  generationsIn,
  PAST_BYTES,
  readableLog,
  sharedViewsIn,
  snapshotsIn,
  viewsIn,
} from './runtime/stores.ts';

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = readEnvironment('work');
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET, compileLater);
const histories = { store, snapshots: snapshotsIn(OBJECTS_BUCKET) };
const log = new EventLog(readableLog(EVENTS_TABLE, LOG_TABLE, OBJECTS_BUCKET));
const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);

const states = new StateReader({ ...histories, cacheBytes: DEFAULT_CACHE_BYTES, metrics });
const generations = generationsIn(CONTROL_TABLE);
const sharedViews = sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const budgets = budgetsOf({ store, states, views, sharedViews, generations });
const workItems = controlIn(CONTROL_TABLE);
/** The longest pause between two looks at an empty inbox, milliseconds. */
const LONGEST_PAUSE_MS = 1_000;
const work = workOf(application, {
  ...{ store, states, workItems, views, generations },
  longestPauseMs: LONGEST_PAUSE_MS,
  admitsClaim: budgets?.admit ?? admitsEveryClaim,
});

const deps: WorkDeps = {
  ...appDeps,
  store,
  states,
  aggregates: application.aggregates,
  trace: () => tracer.header,
  log,
  past: new PastFolds({ log, histories, views, maxBytes: PAST_BYTES }),
  views,
  generations,
  sharedViews,
  projections: application.projections,
  workItems,
  work,
};

const answer = httpHandler(workRoutes(application), deps);
const endLeases = scheduledHandler(async () => work?.leases.sweep());

/** Answers agents that look for work, take it and keep it; each minute it ends the leases that are over. */
export const handler = (event: Parameters<typeof answer>[0], context: Context) =>
  'httpMethod' in event ? answer(event, context) : endLeases(event, context);
