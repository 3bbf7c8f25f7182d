import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import * as z from 'zod';
import { dynamoDb, eventBridge, stepFunctions } from '../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../adapters/aws/dynamodb/control-store.ts';
import { DynamoGenerationStore } from '../adapters/aws/dynamodb/generation-store.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSagaTasks } from '../adapters/aws/dynamodb/saga-tasks.ts';
import { DynamoSharedViews } from '../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../adapters/aws/dynamodb/view-store.ts';
import { EventBridgePublisher } from '../adapters/aws/eventbridge/publisher.ts';
import { bucketObjects } from '../adapters/aws/s3/bucket.ts';
import { StepFunctionsMachines } from '../adapters/aws/step-functions/machines.ts';
import { replayStarter } from '../adapters/aws/step-functions/replay-starter.ts';
import { type CommitFailure, processBatch, type RecordFailure } from '../adapters/aws/stream/batch.ts';
import { findTampering } from '../adapters/aws/stream/tampering.ts';
import type { App, AppDeps } from '../api/http/app.ts';
import type { CommandDeps } from '../api/http/command.ts';
import { requestObserver } from '../api/http/observe.ts';
import type { OperateDeps } from '../api/operations/operations.ts';
import type { QueryDeps } from '../api/queries.ts';
import type { EventSystem } from '../core/base/configuration.ts';
import { type RetryPolicy, retryPolicyOf } from '../core/base/retry.ts';
import { parse } from '../core/base/validation.ts';
import { EventBus } from '../core/bus/event-bus.ts';
import { LogArchive } from '../core/log/archive.ts';
import { LogArchiver, retentionOf } from '../core/log/archiver.ts';
import { EventLog } from '../core/log/log.ts';
import { LogWriter } from '../core/log/writer.ts';
import { Projector } from '../core/projections/projector.ts';
import { Verification } from '../core/projections/verification.ts';
import type { ViewStore } from '../core/projections/view-store.ts';
import { DeadLetters } from '../core/publishing/dead-letters.ts';
import { ParkedPublications } from '../core/publishing/parked-publications.ts';
import { Publication } from '../core/publishing/publication.ts';
import { Relay } from '../core/publishing/relay.ts';
import { Generations } from '../core/replays/generations.ts';
import { LogReplay } from '../core/replays/log-replay.ts';
import { Replays } from '../core/replays/replays.ts';
import { ReplayWork } from '../core/replays/work.ts';
import { SagaExecution } from '../core/sagas/execution.ts';
import { SagaCallbacks } from '../core/sagas/step-functions/callbacks.ts';
import { SnapshotStore } from '../core/state/snapshot-store.ts';
import { SnapshotWriter } from '../core/state/snapshot-writer.ts';
import { DEFAULT_CACHE_SIZE } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { ClaimCheck, LargeCommitStorage } from '../core/store/claim-check.ts';
import type { Commit } from '../core/store/commit.ts';
import { EventStore } from '../core/store/event-store.ts';
import { checkHealth, type HealthCheck, healthValue } from '../core/telemetry/health.ts';
import { meteredPublisher, meteredStorage } from '../core/telemetry/metered.ts';
import { noMetrics } from '../core/telemetry/metrics.ts';
import { observedDelivery } from '../core/telemetry/telemetry.ts';
import { traceOf } from '../core/telemetry/traced.ts';
import { folds } from '../domain/folds.ts';
import { projections } from '../domain/projections.ts';
import { sagas } from '../domain/sagas.ts';
import { type DomainEvent, recordedEventSchema } from '../events/catalogue.ts';
import manifest from '../package.json' with { type: 'json' };
import { type Environment, environments, type FunctionName } from './environment.ts';
import { createLogger } from './logger.ts';
import { createFunctionTelemetry } from './telemetry.ts';

// The composition root on AWS: each function takes the parts it needs from here, and its bundle holds no other.

/** @throws ValidationError that names the variable which is missing */
const environmentOf = <F extends FunctionName>(name: F) => parse(environments[name], process.env) as Environment<F>;

/**
 * What `annals.config.ts` said when this was deployed, with the defaults. The deployment has checked it: to do so once more,
 * at every cold start, would take 10 ms.
 */
const settings: EventSystem = JSON.parse(process.env['ANNALS_CONFIG'] ?? '');
const telemetry = createFunctionTelemetry(settings);
export const { metrics, tracer } = telemetry;
export const logger = createLogger(tracer);

/** What the routes of every function need. */
const appDeps: AppDeps = { logger, observe: requestObserver(tracer, noMetrics, 'function') };

/** A warm function learns up to this late that another generation is live or built; see docs/replay.md. */
const POINTERS_MAX_AGE_MS = 1_000;
const generationsIn = (table: string) =>
  new Generations(new DynamoControlStore(dynamoDb(), table), { maxAgeMs: POINTERS_MAX_AGE_MS });

const claimsIn = (bucket: string) => new ClaimCheck(bucketObjects(bucket));
const archiveIn = (bucket: string) => new LogArchive(bucketObjects(bucket));
const eventStore = (table: string, bucket: string) =>
  new EventStore(
    meteredStorage(new LargeCommitStorage(new DynamoCommitStorage(dynamoDb(), table), claimsIn(bucket)), metrics),
    { trace: () => tracer.header },
  );

const snapshotsIn = (bucket: string) =>
  new SnapshotStore(bucketObjects(bucket), {
    interval: settings.snapshots.frequency,
    onFault: (fault, key, error) => logger.warn('a snapshot does not serve', { fault, key, error }),
    metrics,
  });

export function commandDeps(): CommandDeps {
  const { EVENTS_TABLE, OBJECTS_BUCKET } = environmentOf('command');
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const snapshots = snapshotsIn(OBJECTS_BUCKET);
  const states = new StateReader({ store, snapshots, cacheSize: DEFAULT_CACHE_SIZE, metrics });
  return { ...appDeps, store, states, trace: () => tracer.header };
}

export function queryDeps(): QueryDeps {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = environmentOf('query');
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const views = new DynamoViewStore(dynamoDb(), VIEWS_TABLE);
  const generations = generationsIn(CONTROL_TABLE);
  return {
    ...appDeps,
    store,
    log: new EventLog({
      storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
      strategy: settings.store.partition_strategy,
      claims: claimsIn(OBJECTS_BUCKET),
      archive: archiveIn(OBJECTS_BUCKET),
    }),
    states: new StateReader({ store, snapshots: snapshotsIn(OBJECTS_BUCKET) }),
    views,
    generations,
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    projections,
    deadLetters: new DeadLetters({ projections, store, views, live: (name) => generations.live(name) }),
    projectionStatus: async () =>
      Promise.all(
        projections.map(async ({ name }) => {
          const generation = await generations.live(name);
          return { name, generation, lag: null, deadLetters: await views.countParked(name, generation) };
        }),
      ),
    health: async () => ({ ...(await checkHealth(partsOf(environmentOf('query')))), version: manifest.version }),
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
      strategy: settings.store.partition_strategy,
      claims: claimsIn(OBJECTS_BUCKET),
      archive: archiveIn(OBJECTS_BUCKET),
    }),
    store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
    views: new DynamoViewStore(dynamoDb(), VIEWS_TABLE),
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    generationStore: new DynamoGenerationStore(dynamoDb(), VIEWS_TABLE),
    concurrency: settings.processors.concurrent_workers,
    settleMs: REPLAY_SETTLES_MS,
    removeAfterMs: REPLACED_STAYS_MS,
  });
}

/** The parts of a stage, each tried with one read of what is not there. The events are the truth: without them nothing works. */
const partsOf = ({ EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE }: Environment<'health'>): HealthCheck[] => [
  { name: 'events', vital: true, check: () => new DynamoCommitStorage(dynamoDb(), EVENTS_TABLE).head('agent-health') },
  { name: 'views', vital: false, check: () => new DynamoViewStore(dynamoDb(), VIEWS_TABLE).get('health', 1, 'health') },
  {
    name: 'control',
    vital: false,
    check: () => new DynamoControlStore(dynamoDb(), CONTROL_TABLE).get('health', 'health'),
  },
  { name: 'log', vital: false, check: () => new DynamoLogStorage(dynamoDb(), LOG_TABLE).last('health') },
];

/** Tries every part, for the metric; what fails is logged. */
export async function checkParts(): Promise<void> {
  const { status, checks } = await checkHealth(partsOf(environmentOf('health')));
  for (const [part, state] of Object.entries(checks)) metrics.gauge('health', { part }, healthValue[state]);
  if (status !== 'ok') logger.error(`the stage is ${status}`, checks);
}

/**
 * Attempts at an event before it is parked: as many as the configuration says, with shorter pauses, for an invocation has
 * a minute for all of a batch and everything behind it in the shard waits. What cannot reach a service at all is no
 * event's fault: Lambda delivers it again, after pauses of its own, and it is never parked.
 */
function withinInvocation(): RetryPolicy {
  const { attempts, initialDelayMs, maxDelayMs } = retryPolicyOf(settings);
  return { attempts, initialDelayMs: Math.min(initialDelayMs, 1_000), maxDelayMs: Math.min(maxDelayMs, 2_000) };
}

export function createProjector(): (commits: readonly Commit[]) => Promise<readonly CommitFailure[]> {
  const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, OBJECTS_BUCKET } = environmentOf('projector');
  const views = new DynamoViewStore(dynamoDb(), VIEWS_TABLE);
  const { concurrent_workers: concurrency } = settings.processors;
  const pointers = generationsIn(CONTROL_TABLE);
  const generations = (projection: string) => pointers.wanted(projection);
  const store = eventStore(EVENTS_TABLE, OBJECTS_BUCKET);
  const sharedViews = new DynamoSharedViews(dynamoDb(), VIEWS_TABLE);
  const projector = new Projector({ projections, store, views, sharedViews, generations, concurrency });
  const writer = createSnapshotWriter(store, OBJECTS_BUCKET);
  const policy = withinInvocation();
  const work = async (commits: readonly Commit[]) => {
    const applied = projector.applyOrPark(commits, policy, ({ projection: { name }, generation, stream }, result) => {
      metrics.count('dead_letters_total', { projection: name });
      logger.error('a stream is given up on by a projection', { projection: name, generation, stream, ...result });
    });
    const [failures] = await Promise.all([applied, writer?.write(commits)]);
    return failures;
  };
  return observedDelivery('projector', work, telemetry);
}

function createSnapshotWriter(store: EventStore, bucket: string): SnapshotWriter | undefined {
  if (!settings.snapshots.enabled) return undefined;
  const onError = (stream: string, error: unknown) => logger.error('a snapshot was not written', { stream, error });
  return new SnapshotWriter({ store, snapshots: snapshotsIn(bucket), folds, onError });
}

export function createRelay(): (commits: readonly Commit[]) => Promise<readonly CommitFailure[]> {
  const { EVENTS_TABLE, LOG_TABLE, EVENT_BUS, VIEWS_TABLE } = environmentOf('relay');
  const log = new LogWriter({
    storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
    commits: new DynamoCommitStorage(dynamoDb(), EVENTS_TABLE),
    strategy: settings.store.partition_strategy,
  });
  const publication = publicationTo(EVENT_BUS, new DynamoViewStore(dynamoDb(), VIEWS_TABLE));
  const relay = new Relay({ log, publication });
  return observedDelivery('relay', (commits) => relay.relay(commits), telemetry);
}

function publicationTo(name: string, views: ViewStore): Publication {
  const bus = new EventBus({
    onHandlerError: (error, { id, type }) => logger.error('a subscriber failed', { id, type, error }),
  });
  const publisher = new EventBridgePublisher(eventBridge(), name, { traceOf });
  bus.addPublisher('eventbridge', meteredPublisher(publisher, metrics, settings.monitoring.counted_sources));
  return new Publication({
    bus,
    policy: withinInvocation(),
    parked: new ParkedPublications(views),
    onParked: (stream, parked) => {
      metrics.count('dead_letters_total', { projection: 'bus' });
      logger.error('a stream is parked as a dead letter of the bus', { stream, parked });
    },
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
    ...appDeps,
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
    return telemetry.invocation(0, () => work(parse(schema, event).detail));
  };
}

export function createArchiver(): LogArchiver {
  const { LOG_TABLE, OBJECTS_BUCKET } = environmentOf('archiver');
  return new LogArchiver({
    storage: new DynamoLogStorage(dynamoDb(), LOG_TABLE),
    archive: archiveIn(OBJECTS_BUCKET),
    strategy: settings.store.partition_strategy,
    ...retentionOf(settings),
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
      strategy: settings.store.partition_strategy,
      archive: archiveIn(OBJECTS_BUCKET),
      claims: claimsIn(OBJECTS_BUCKET),
    }),
    views: new DynamoViewStore(dynamoDb(), VIEWS_TABLE),
    sharedViews: new DynamoSharedViews(dynamoDb(), VIEWS_TABLE),
    live: (projection) => generations.live(projection),
  });
}

/** Least time between two writings of metrics of a function that answers requests, which are many and small. */
const METRICS_MS = 10_000;

/** Answers the requests of API Gateway (REST) with an application. */
export function httpHandler(app: App) {
  const respond = handle(app);
  return (...[event, context]: Parameters<typeof respond>): ReturnType<typeof respond> => {
    if (context) logger.addContext(context as unknown as Context);
    return telemetry.invocation(METRICS_MS, () => respond(event, context));
  };
}

/** Does something whenever it is invoked, whatever the event says. */
export function invoked<T>(work: () => Promise<T>) {
  return (_event: unknown, context: Context): Promise<T> => {
    logger.addContext(context);
    return telemetry.invocation(0, work);
  };
}

/** Raises the alarm when a batch tells of commits that somebody changed or removed. */
export function reportTampering(event: unknown): void {
  for (const tampering of findTampering(event)) {
    metrics.count('tampering_total', {});
    logger.error('a stored commit was tampered with', { ...tampering });
  }
}

/** Works off batches of the events table's stream; what fails is logged, and comes again as long as that can help. */
export function streamHandler(
  name: 'projector' | 'relay',
  work: (commits: readonly Commit[]) => Promise<readonly CommitFailure[]>,
  inspect: (event: unknown) => void = () => {},
) {
  const claims = claimsIn(environmentOf(name).OBJECTS_BUCKET);
  return (event: unknown, context: Context) => {
    logger.addContext(context);
    inspect(event);
    const onFailure = ({ commit, ...failure }: RecordFailure) => {
      const { stream, version } = commit ?? {};
      logger.error('a record of the stream failed', { ...failure, stream, version });
    };
    return telemetry.invocation(0, () => processBatch(event, work, onFailure, claims));
  };
}
