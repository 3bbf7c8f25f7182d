import application from '#application';
import type { CompileSchema } from '../../core/events/open-types.ts';
import { EventLog } from '../../core/log/log.ts';
import { PastFolds } from '../../core/projections/past-folds.ts';
import type { Environment } from '../environment.ts';
import { eventStore, generationsIn, PAST_BYTES, readableLog, sharedViewsIn, snapshotsIn, viewsIn } from './stores.ts';

/**
 * The parts by which routes read: streams, log and views, now and in the past.
 * @param compile where events of registered types are appended, too
 */
export function readingParts(
  { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET }: Environment<'query'>,
  compile?: CompileSchema,
) {
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET, compile);
  const histories = { store, snapshots: snapshotsIn(OBJECTS_BUCKET) };
  const log = new EventLog(readableLog(EVENTS_TABLE, LOG_TABLE, OBJECTS_BUCKET));
  const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
  const past = new PastFolds({ log, histories, views, maxBytes: PAST_BYTES });
  return {
    /** For the states of streams. */
    histories,
    /** For routes. */
    reading: {
      ...{ store, log, views, past },
      generations: generationsIn(CONTROL_TABLE),
      sharedViews: sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
      projections: application.projections,
    },
  };
}
