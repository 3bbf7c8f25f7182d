import application from '#application';
import { stepFunctions } from '../adapters/aws/clients/clients.ts';
import { bucketObjects } from '../adapters/aws/s3/bucket.ts';
import { replayStarter } from '../adapters/aws/step-functions/replay-starter.ts';
import { BucketFailedBatches } from '../adapters/aws/stream/failed-batches.ts';
import { operationRoutes } from '../api/operations/operations.ts';
import { ulids } from '../core/base/new-id.ts';
import { DeadLetters } from '../core/publishing/dead-letters.ts';
import { Replays } from '../core/replays/replays.ts';
import { ResumedVerifications } from '../core/verification/resumed.ts';
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { createPublication } from './runtime/publication.ts';
import { readEnvironment } from './runtime/stage.ts';
import { controlIn, eventStore, generationsIn, sharedViewsIn, viewsIn } from './runtime/stores.ts';

const { projections } = application;

const environment = readEnvironment('operate');
const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, EVENT_BUS, OBJECTS_BUCKET, REPLAY_STATE_MACHINE } = environment;
const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
const views = viewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const sharedViews = sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET);
const control = controlIn(CONTROL_TABLE);
const generations = generationsIn(CONTROL_TABLE);
const live = (projection: string) => generations.live(projection);
const publication = createPublication(EVENT_BUS, views);
const start = replayStarter(stepFunctions(), REPLAY_STATE_MACHINE);

/** Answers requests of operators: rebuilds, replays, redrives, verifications. */
export const handler = httpHandler(operationRoutes, {
  ...appDeps,
  store,
  control,
  deadLetters: new DeadLetters({ projections, store, views, sharedViews, live, publication }),
  failedBatches: new BucketFailedBatches({
    objects: bucketObjects(environment.FAILURES_BUCKET),
    consumers: { projector: environment.PROJECTOR_FUNCTION, relay: environment.RELAY_FUNCTION },
    // Few requests need these clients, so the first such request loads them.
    invoke: async (...call) => (await import('../adapters/aws/lambda/invoke.ts')).invoke(...call),
    readShard: async (range) => (await import('../adapters/aws/stream/shard.ts')).readShard(range),
  }),
  verifications: new ResumedVerifications({ control, objects: bucketObjects(OBJECTS_BUCKET), newId: ulids() }),
  replays: new Replays({ control, generations, projections, start }),
});
