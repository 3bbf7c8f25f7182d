import { Verification } from '../core/projections/verification.ts';
import { projections } from '../domain/projections.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { environmentOf, logger, metrics } from './runtime/stage.ts';
import { eventStore, generationsIn, logIn, sharedViewsIn, viewsIn } from './runtime/stores.ts';

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('verify');
const generations = generationsIn(CONTROL_TABLE);
const verification = new Verification({
  projections,
  store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
  log: logIn(LOG_TABLE, OBJECTS_BUCKET),
  views: viewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  sharedViews: sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  live: (projection) => generations.live(projection),
});

/** Once a day: compares every view with what history makes of it, and logs and counts each that differs. */
export const handler = scheduledHandler(async (): Promise<{ differences: number }> => {
  let differences = 0;
  for await (const { projection, streams, differences: found } of verification.run()) {
    logger.info('a projection was verified', { projection, streams, differences: found.length });
    for (const difference of found) logger.error('a view is not what history makes of it', { ...difference });
    differences += found.length;
  }
  metrics.count('view_differences_total', {}, differences);
  return { differences };
});
