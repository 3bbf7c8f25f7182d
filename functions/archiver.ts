import { LogArchiver, retentionOf } from '../core/log/archiver.ts';
import { scheduledHandler } from './runtime/handlers.ts';
import { lines, readEnvironment, settings } from './runtime/stage.ts';
import { claimsIn, commitsIn, logPlaces, storedViewsIn, viewClaimsIn } from './runtime/stores.ts';

const { EVENTS_TABLE, VIEWS_TABLE, LOG_TABLE, OBJECTS_BUCKET } = readEnvironment('archiver');
const commits = commitsIn(EVENTS_TABLE);
const claims = claimsIn(OBJECTS_BUCKET);
const views = storedViewsIn(VIEWS_TABLE);
const viewClaims = viewClaimsIn(OBJECTS_BUCKET);
const archiver = new LogArchiver({ ...logPlaces(LOG_TABLE, OBJECTS_BUCKET), ...retentionOf(settings) });

/** Archives old pages of the log, and removes objects that no commit and no view refers to. The answer has the numbers. */
export const handler = scheduledHandler(async () => {
  const archived = await archiver.run();
  const keys = await claims.sweep(commits, new Date());
  lines.bodiesRemoved(keys);
  const parts = await viewClaims.sweep(views, new Date());
  lines.viewPartsRemoved(parts);
  return { ...archived, swept: keys.length + parts.length };
});
