import { Verification } from '../core/verification/verification.ts';
import { projections } from '../domain/projections.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { environmentOf, logger, metrics } from './runtime/stage.ts';
import { commitsIn, eventStore, generationsIn, logPlaces, sharedViewsIn, viewsIn } from './runtime/stores.ts';

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('verify');
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

/** Once a day: holds store, log and views against each other, and logs and counts each difference. */
export const handler = scheduledHandler(async (): Promise<{ verdict: string; differences: number }> => {
  const run = verification.run();
  let step = await run.next();
  while (!step.done) step = await run.next();
  const { verdict, total, differences } = step.value;
  logger.info(verdict, { differences: total });
  for (const difference of differences) logger.error('store, log and views differ', { ...difference });
  metrics.count('view_differences_total', {}, total);
  return { verdict, differences: total };
});
