import { stepFunctions } from '../adapters/aws/clients/clients.ts';
import { bucketObjects } from '../adapters/aws/s3/bucket.ts';
import { replayStarter } from '../adapters/aws/step-functions/replay-starter.ts';
import { BucketFailedBatches } from '../adapters/aws/stream/failed-batches.ts';
import { operationRoutes } from '../api/operations/operations.ts';
import { ulids } from '../core/base/new-id.ts';
import { DeadLetters } from '../core/publishing/dead-letters.ts';
import { Replays } from '../core/replays/replays.ts';
import { ResumedVerifications } from '../core/verification/resumed.ts';
import { projections } from '../domain/projections.ts';
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { publicationTo } from './runtime/publication.ts';
import { environmentOf } from './runtime/stage.ts';
import { controlIn, eventStore, generationsIn, sharedViewsIn, viewsIn } from './runtime/stores.ts';

const environment = environmentOf('operate');
const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, EVENT_BUS, OBJECTS_BUCKET, REPLAY_STATE_MACHINE } = environment;
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const sharedViews = sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const control = controlIn(CONTROL_TABLE);
const generations = generationsIn(CONTROL_TABLE);
const live = (projection: string) => generations.live(projection);
const publication = publicationTo(EVENT_BUS, views);
const start = replayStarter(stepFunctions(), REPLAY_STATE_MACHINE);

/** Every request of operators that changes views and no events: rebuilds, replays, redrives. */
export const handler = httpHandler(operationRoutes, {
  ...appDeps,
  control,
  deadLetters: new DeadLetters({ projections, store, views, sharedViews, live, publication }),
  failedBatches: new BucketFailedBatches({
    objects: bucketObjects(environment.FAILURES_BUCKET),
    consumers: { projector: environment.PROJECTOR_FUNCTION, relay: environment.RELAY_FUNCTION },
    // Clients that few requests need are loaded by the first that does.
    invoke: async (...call) => (await import('../adapters/aws/lambda/invoke.ts')).invoke(...call),
    readShard: async (range) => (await import('../adapters/aws/stream/shard.ts')).readShard(range),
  }),
  verifications: new ResumedVerifications({ control, objects: bucketObjects(OBJECTS_BUCKET), newId: ulids() }),
  replays: new Replays({ control, generations, projections, start }),
});
