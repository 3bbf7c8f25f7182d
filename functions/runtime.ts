import { Logger } from '@aws-lambda-powertools/logger';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import * as z from 'zod';
import { bucketObjects } from '../adapters/aws/bucket.ts';
import { dynamoDb, eventBridge, stepFunctions } from '../adapters/aws/clients.ts';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb-commit-storage.ts';
import { DynamoControlStore } from '../adapters/aws/dynamodb-control-store.ts';
import { DynamoGenerationStore } from '../adapters/aws/dynamodb-generation-store.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb-log-storage.ts';
import { DynamoSagaTasks } from '../adapters/aws/dynamodb-saga-tasks.ts';
import { DynamoSharedViews } from '../adapters/aws/dynamodb-shared-views.ts';
import { DynamoViewStore } from '../adapters/aws/dynamodb-view-store.ts';
import { EventBridgePublisher } from '../adapters/aws/eventbridge-publisher.ts';
import { replayStarter } from '../adapters/aws/replay-starter.ts';
import { StepFunctionsMachines } from '../adapters/aws/step-functions-machines.ts';
import { type CommitFailure, processBatch, type RecordFailure } from '../adapters/aws/stream-batch.ts';
import type { App } from '../api/app.ts';
import type { CommandDeps } from '../api/command.ts';
import type { OperateDeps } from '../api/operations.ts';
import type { QueryDeps } from '../api/queries.ts';
import { ClaimCheck, LargeCommitStorage } from '../core/claim-check.ts';
import type { Commit } from '../core/commit.ts';
import { configureEventSystem } from '../core/configuration.ts';
import { DeadLetters } from '../core/dead-letters.ts';
import { EventBus } from '../core/event-bus.ts';
import { EventStore } from '../core/event-store.ts';
import { Generations } from '../core/generations.ts';
import { EventLog } from '../core/log.ts';
import { LogArchive } from '../core/log-archive.ts';
import { LogArchiver, retentionOf } from '../core/log-archiver.ts';
import { LogReplay } from '../core/log-replay.ts';
import { LogWriter } from '../core/log-writer.ts';
import { ParkedPublications } from '../core/parked-publications.ts';
import { type RetryPolicy, retryPolicyOf } from '../core/processor.ts';
import { LIVE_GENERATION, Projector } from '../core/projector.ts';
import { Publication } from '../core/publication.ts';
import { Relay } from '../core/relay.ts';
import { ReplayWork } from '../core/replay-work.ts';
import { Replays } from '../core/replays.ts';
import { SagaCallbacks } from '../core/saga-callbacks.ts';
import { SagaExecution } from '../core/saga-execution.ts';
import { SnapshotStore } from '../core/snapshot-store.ts';
import { SnapshotWriter } from '../core/snapshot-writer.ts';
import { DEFAULT_CACHE_SIZE } from '../core/state-cache.ts';
import { StateReader } from '../core/state-reader.ts';
import { parse } from '../core/validation.ts';
import { Verification } from '../core/verification.ts';
import type { ViewStore } from '../core/view-store.ts';
import { folds } from '../domain/folds.ts';
import { projections } from '../domain/projections.ts';
import { sagas } from '../domain/sagas.ts';
import { type DomainEvent, recordedEventSchema } from '../events/catalogue.ts';
import manifest from '../package.json' with { type: 'json' };
import { type Environment, environments, type FunctionName } from './environment.ts';

// The composition root on AWS: each function takes the parts it needs from here, and its bundle holds no other.

export const logger = new Logger();

/** @throws ValidationError that names the variable which is missing */
const environmentOf = <F extends FunctionName>(name: F) => parse(environments[name], process.env) as Environment<F>;

/** Lambda keeps the trace header of the request in work here. */
const currentTrace = () => process.env['_X_AMZN_TRACE_ID'];

/** What `annals.config.ts` said when this was deployed, with the defaults. @throws ValidationError */
const settings = () => configureEventSystem(JSON.parse(process.env['ANNALS_CONFIG'] ?? '{}'));

/** A warm function learns up to this late that another generation is live or built; see docs/replay.md. */
const POINTERS_MAX_AGE_MS = 1_000;
const generationsIn = (table: string) =>
  new Generations(new DynamoControlStore(dynamoDb(), table), { maxAgeMs: POINTERS_MAX_AGE_MS });

const claimsIn = (bucket: string) => new ClaimCheck(bucketObjects(bucket));
const archiveIn = (bucket: string) => new LogArchive(bucketObjects(bucket));
const eventStore = (table: string, bucket: string) =>
  new EventStore(new LargeCommitStorage(new DynamoCommitStorage(dynamoDb(), table), claimsIn(bucket)));

const snapshotsIn = (bucket: string) =>
  new SnapshotStore(bucketObjects(bucket), {
    interval: settings().snapshots.frequency,
    onFault: (fault, key, error) => logger.warn('a snapshot does not serve', { fault, key, error }),
  });

export function commandDeps(): CommandDeps {
  const { EVENTS_TABLE, OBJECTS_BUCKET } = environmentOf('command');
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const states = new StateReader({ store, snapshots: snapshotsIn(OBJECTS_BUCKET), cacheSize: DEFAULT_CACHE_SIZE });
  return { store, states, logger, trace: currentTrace };
}

export function queryDeps(): QueryDeps {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('query');
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const views = new DynamoViewStore(dynamoDb(), VIEWS_TABLE);
  const generations = generationsIn(CONTROL_TABLE);
  return {
    store,
    log: new EventLog({
      storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
      strategy: settings().store.partition_strategy,
      claims: claimsIn(OBJECTS_BUCKET),
      archive: archiveIn(OBJECTS_BUCKET),
    }),
    states: new StateReader({ store, snapshots: snapshotsIn(OBJECTS_BUCKET) }),
    views,
    generations,
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    projections,
    logger,
    deadLetters: new DeadLetters({ projections, store, views, live: (name) => generations.live(name) }),
    projectionStatus: async () =>
      Promise.all(
        projections.map(async ({ name }) => {
          const generation = await generations.live(name);
          return { name, generation, lag: null, deadLetters: await views.countParked(name, generation) };
        }),
      ),
    health: async () => {
      // Nothing is stored under these names; that the tables answer is all that is asked.
      const [events, ofViews] = await Promise.all([
        checked(store.head('agent-health')),
        checked(views.get('health', LIVE_GENERATION, 'health')),
      ]);
      return { checks: { events, views: ofViews }, version: manifest.version };
    },
  };
}

/**
 * What a projector knows of pointers may be {@link POINTERS_MAX_AGE_MS} old, a write of its own under way for 9 s (three
 * attempts of 3 s), and an index a moment behind: then all is in place that was written in ignorance of a replay.
 */
const REPLAY_SETTLES_MS = 15_000;
/** Twice what the longest request to the API takes, so that nobody reads a generation that is being removed. */
const REPLACED_STAYS_MS = 60_000;

export function createReplayWork(): ReplayWork {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('replay');
  const control = new DynamoControlStore(dynamoDb(), CONTROL_TABLE);
  const generations = new Generations(control, { maxAgeMs: 0 });
  const start = () => {
    throw new Error('the state machine starts replays, its function does not');
  };
  return new ReplayWork({
    replays: new Replays({ control, generations, projections, start }),
    generations,
    log: new LogReplay({
      storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
      strategy: settings().store.partition_strategy,
      claims: claimsIn(OBJECTS_BUCKET),
      archive: archiveIn(OBJECTS_BUCKET),
    }),
    store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
    views: new DynamoViewStore(dynamoDb(), VIEWS_TABLE),
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    generationStore: new DynamoGenerationStore(dynamoDb(), VIEWS_TABLE),
    concurrency: settings().processors.concurrent_workers,
    settleMs: REPLAY_SETTLES_MS,
    removeAfterMs: REPLACED_STAYS_MS,
  });
}

const checked = (answer: Promise<unknown>) =>
  answer.then(
    () => 'ok' as const,
    () => 'failing' as const,
  );

/**
 * Attempts at an event before it is parked: as many as the configuration says, with shorter pauses, for an invocation has
 * a minute for all of a batch and everything behind it in the shard waits. What cannot reach a service at all is no
 * event's fault: Lambda delivers it again, after pauses of its own, and it is never parked.
 */
function withinInvocation(): RetryPolicy {
  const { attempts, initialDelayMs, maxDelayMs } = retryPolicyOf(settings());
  return { attempts, initialDelayMs: Math.min(initialDelayMs, 1_000), maxDelayMs: Math.min(maxDelayMs, 2_000) };
}

export function createProjector(): (commits: readonly Commit[]) => Promise<readonly CommitFailure[]> {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, OBJECTS_BUCKET } = environmentOf('projector');
  const views = new DynamoViewStore(dynamoDb(), VIEWS_TABLE);
  const { concurrent_workers: concurrency } = settings().processors;
  const pointers = generationsIn(CONTROL_TABLE);
  const generations = (projection: string) => pointers.wanted(projection);
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const sharedViews = new DynamoSharedViews(dynamoDb(), VIEWS_TABLE);
  const projector = new Projector({ projections, store, views, sharedViews, generations, concurrency });
  const writer = createSnapshotWriter(store, OBJECTS_BUCKET);
  const policy = withinInvocation();
  return async (commits) => {
    const applied = projector.applyOrPark(commits, policy, ({ projection, generation, stream }, result) => {
      const place = { projection: projection.name, generation, stream };
      logger.error('a stream is given up on by a projection', { ...place, ...result });
    });
    const [failures] = await Promise.all([applied, writer?.write(commits)]);
    return failures;
  };
}

function createSnapshotWriter(store: EventStore, bucket: string): SnapshotWriter | undefined {
  if (!settings().snapshots.enabled) return undefined;
  const onError = (stream: string, error: unknown) => logger.error('a snapshot was not written', { stream, error });
  return new SnapshotWriter({ store, snapshots: snapshotsIn(bucket), folds, onError });
}

export function createRelay(): Relay {
  const { EVENTS_TABLE, LOG_TABLE, EVENT_BUS, VIEWS_TABLE } = environmentOf('relay');
  const log = new LogWriter({
    storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
    commits: new DynamoCommitStorage(dynamoDb(), EVENTS_TABLE),
    strategy: settings().store.partition_strategy,
  });
  return new Relay({ log, publication: publicationTo(EVENT_BUS, new DynamoViewStore(dynamoDb(), VIEWS_TABLE)) });
}

function publicationTo(name: string, views: ViewStore): Publication {
  const bus = new EventBus({
    onHandlerError: (error, { id, type }) => logger.error('a subscriber failed', { id, type, error }),
  });
  bus.addPublisher('eventbridge', new EventBridgePublisher(eventBridge(), name));
  return new Publication({
    bus,
    policy: withinInvocation(),
    parked: new ParkedPublications(views),
    onParked: (stream, parked) => logger.error('a stream is parked as a dead letter of the bus', { stream, parked }),
  });
}

export function operateDeps(): OperateDeps {
  const environment = environmentOf('operate');
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, EVENT_BUS, OBJECTS_BUCKET, REPLAY_STATE_MACHINE } = environment;
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const views = new DynamoViewStore(dynamoDb(), VIEWS_TABLE);
  const sharedViews = new DynamoSharedViews(dynamoDb(), VIEWS_TABLE);
  const control = new DynamoControlStore(dynamoDb(), CONTROL_TABLE);
  const generations = new Generations(control, { maxAgeMs: POINTERS_MAX_AGE_MS });
  const live = (projection: string) => generations.live(projection);
  const publication = publicationTo(EVENT_BUS, views);
  const start = replayStarter(stepFunctions(), REPLAY_STATE_MACHINE);
  return {
    logger,
    deadLetters: new DeadLetters({ projections, store, views, sharedViews, live, publication }),
    replays: new Replays({ control, generations, projections, start }),
  };
}

/** What the state machines of sagas call, and what events come to. */
export function createSagaCallbacks(name: 'saga-events' | 'saga-task'): SagaCallbacks {
  const { EVENTS_TABLE, OBJECTS_BUCKET, SAGA_TASKS_TABLE, SAGA_MACHINE_ARN_PREFIX } = environmentOf(name);
  return new SagaCallbacks({
    execution: new SagaExecution({ sagas, store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET) }),
    tasks: new DynamoSagaTasks(dynamoDb(), SAGA_TASKS_TABLE),
    machines: new StepFunctionsMachines(stepFunctions(), SAGA_MACHINE_ARN_PREFIX),
  });
}

/** Takes one event that a rule of the bus lets through. What fails is tried again by Lambda, then kept in a queue. */
export function busHandler(work: (event: DomainEvent) => Promise<void>) {
  const schema = z.object({ detail: recordedEventSchema });
  return (event: unknown, context: Context) => {
    logger.addContext(context);
    return work(parse(schema, event).detail);
  };
}

export function createArchiver(): LogArchiver {
  const { LOG_TABLE, OBJECTS_BUCKET } = environmentOf('archiver');
  return new LogArchiver({
    storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
    archive: archiveIn(OBJECTS_BUCKET),
    strategy: settings().store.partition_strategy,
    ...retentionOf(settings()),
  });
}

/** Removes bodies of large commits that were never written. @returns how many */
export function createSweep(): () => Promise<number> {
  const { EVENTS_TABLE, OBJECTS_BUCKET } = environmentOf('archiver');
  const commits = new DynamoCommitStorage(dynamoDb(), EVENTS_TABLE);
  return async () => {
    const keys = await claimsIn(OBJECTS_BUCKET).sweep(commits, new Date());
    if (keys.length > 0) logger.warn('bodies that no commit claims were removed', { keys });
    return keys.length;
  };
}

export function createVerification(): Verification {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('verify');
  const generations = generationsIn(CONTROL_TABLE);
  return new Verification({
    projections,
    store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
    log: new EventLog({
      storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
      strategy: settings().store.partition_strategy,
      archive: archiveIn(OBJECTS_BUCKET),
      claims: claimsIn(OBJECTS_BUCKET),
    }),
    views: new DynamoViewStore(dynamoDb(), VIEWS_TABLE),
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    live: (projection) => generations.live(projection),
  });
}

/** Answers the requests of API Gateway (REST) with an application. */
export function httpHandler(app: App) {
  const respond = handle(app);
  return (...[event, context]: Parameters<typeof respond>): ReturnType<typeof respond> => {
    if (context) logger.addContext(context as unknown as Context);
    return respond(event, context);
  };
}

/** Works off batches of the events table's stream; what fails is logged, and comes again as long as that can help. */
export function streamHandler(
  name: 'projector' | 'relay',
  work: (commits: readonly Commit[]) => Promise<readonly CommitFailure[]>,
) {
  const claims = claimsIn(environmentOf(name).OBJECTS_BUCKET);
  return (event: unknown, context: Context) => {
    logger.addContext(context);
    const onFailure = ({ commit, ...failure }: RecordFailure) => {
      const { stream, version } = commit ?? {};
      logger.error('a record of the stream failed', { ...failure, stream, version });
    };
    return processBatch(event, work, onFailure, claims);
  };
}
