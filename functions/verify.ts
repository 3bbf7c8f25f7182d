import application from '#application';
import { bucketObjects } from '../adapters/aws/s3/bucket.ts';
import { ulids } from '../core/base/new-id.ts';
import { ResumedVerifications, type StartedRun } from '../core/verification/resumed.ts';
import { Verification } from '../core/verification/verification.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { logger, metrics, readEnvironment } from './runtime/stage.ts';
import {
  commitsIn,
  controlIn,
  eventStore,
  generationsIn,
  logPlaces,
  sharedViewsIn,
  viewsIn,
} from './runtime/stores.ts';

const { projections } = application;

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET, VERIFY_EVERY_HOURS } =
  readEnvironment('verify');
const generations = generationsIn(CONTROL_TABLE);
const verification = new Verification({
  projections,
  store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
  commits: commitsIn(EVENTS_TABLE),
  ...logPlaces(LOG_TABLE, OBJECTS_BUCKET),
  views: viewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  sharedViews: sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  live: (projection) => generations.live(projection),
});

const runs = new ResumedVerifications({
  control: controlIn(CONTROL_TABLE),
  objects: bucketObjects(OBJECTS_BUCKET),
  newId: ulids(),
});
const everyMs = Number(VERIFY_EVERY_HOURS) * 3_600_000;
/** An invocation saves its progress and writes metrics in this time before its end. */
const SPARE_MS = 60_000;

/**
 * Compares store, log and views, on a schedule, for as long as an invocation lasts; the next invocation goes on. Differences
 * are logged and counted.
 */
export const handler = scheduledHandler(async (context): Promise<StartedRun | undefined> => {
  const until = Date.now() + context.getRemainingTimeInMillis() - SPARE_MS;
  const run = await runs.work({ verification, until, everyMs });
  if (!run) return undefined;
  const ageSeconds = run.state === 'running' ? (Date.now() - Date.parse(run.startedAt)) / 1_000 : 0;
  metrics.gauge('verification_age_seconds', {}, ageSeconds);
  for (const [part, seen] of Object.entries(run.extent)) metrics.gauge('verification_extent', { part }, seen);
  if (run.state !== 'done') return run;
  logger.info(run.verdict ?? '', { differences: run.total });
  for (const difference of run.differences) logger.error('store, log and views differ', { ...difference });
  metrics.count('view_differences_total', {}, run.total);
  return run;
});
