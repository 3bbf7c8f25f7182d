import { configureEventSystem, type EventSystem } from '../../../core/base/configuration.ts';
import { type RetryPolicy, retryPolicyOf } from '../../../core/base/retry.ts';
import { EventBus } from '../../../core/bus/event-bus.ts';
import { LogArchive } from '../../../core/log/archive.ts';
import { LogArchiver, retentionOf } from '../../../core/log/archiver.ts';
import { EventLog } from '../../../core/log/log.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import { Projector } from '../../../core/projections/projector.ts';
import type { SharedViewStore } from '../../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../../core/projections/view-store.ts';
import { DeadLetters } from '../../../core/publishing/dead-letters.ts';
import { ParkedPublications } from '../../../core/publishing/parked-publications.ts';
import { Publication } from '../../../core/publishing/publication.ts';
import { Relay } from '../../../core/publishing/relay.ts';
import { Generations } from '../../../core/replays/generations.ts';
import type { Replays } from '../../../core/replays/replays.ts';
import type { AnySaga } from '../../../core/sagas/saga.ts';
import type { AnyFold } from '../../../core/state/fold.ts';
import type { StateReader } from '../../../core/state/state-reader.ts';
import { ClaimCheck, LargeCommitStorage } from '../../../core/store/claim-check.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import { meteredPublisher } from '../../../core/telemetry/metered.ts';
import { noTelemetry, observedDelivery, observedStorage, type Telemetry } from '../../../core/telemetry/telemetry.ts';
import { traceHandling } from '../../../core/telemetry/traced.ts';
import { FileObjectStore } from '../files/object-store.ts';
import { sqliteCheckpoint } from '../sqlite/checkpoint.ts';
import { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteControlStore } from '../sqlite/control-store.ts';
import { type DataFolder, openDataFolder } from '../sqlite/database.ts';
import { SqliteLogStorage } from '../sqlite/log-storage.ts';
import { SqliteSharedViews } from '../sqlite/shared-views.ts';
import { SqliteViewStore } from '../sqlite/view-store.ts';
import { Consumer } from './consumer.ts';
import type { Logger } from './logger.ts';
import { createReplays } from './replay-engine.ts';
import { SagaEngine, type SagaEngineOptions } from './saga-engine.ts';
import { Schedule } from './schedule.ts';
import { StalledStreams } from './stalled-streams.ts';
import { openStates } from './states.ts';
import { sweepDaily } from './sweep.ts';

const ARCHIVE_EVERY_MS = 24 * 60 * 60 * 1_000;

export interface EngineOptions {
  /** The data folder; made if need be. */
  readonly dataDir: string;
  readonly projections: readonly AnyProjection[];
  readonly sagas?: readonly AnySaga[];
  /** Of which states snapshots are kept. */
  readonly folds?: readonly AnyFold[];
  readonly logger: Logger;
  /** What `annals.config.ts` says, checked; the defaults when absent. */
  readonly settings?: EventSystem;
  /** How often a commit that fails is tried again, if otherwise than the settings say. */
  readonly retryPolicy?: RetryPolicy;
  /** Where it tells what it does; nowhere by default. */
  readonly telemetry?: Telemetry;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly generation: number;
  /** Commits stored and not yet applied. */
  readonly lag: number;
  /** Age of the oldest of them, milliseconds; 0 when there is none. */
  readonly lagMs: number;
  readonly deadLetters: number;
}

export interface EngineHealth {
  readonly status: 'ok' | 'degraded' | 'down';
  readonly checks: Readonly<Record<'store' | 'projector' | 'relay' | 'sagas', 'ok' | 'failing'>>;
}

/** All of Annals' machinery in one process, on one folder. */
export interface Engine {
  readonly store: EventStore;
  /** Loads states of streams from snapshots and memory. */
  readonly states: StateReader;
  readonly views: ViewStore;
  readonly generations: Generations;
  readonly replays: Replays;
  readonly sharedViews: SharedViewStore;
  readonly objects: ObjectStore;
  /** All events in one order, a moment after their append. */
  readonly log: EventLog;
  readonly deadLetters: DeadLetters;
  readonly bus: EventBus;
  /** Starts to bring views up to date and to feed log and bus. Subscribe before, to miss nothing. */
  start(): void;
  /** Finishes the work in hand and closes the folder. What is not done is done after the next start. */
  close(): Promise<void>;
  projectionStatus(): Promise<readonly ProjectionStatus[]>;
  health(): EngineHealth;
}

/**
 * Opens a data folder and puts core on it: commits in one database, views in another, and between them two consumers,
 * the projector and the relay, as on AWS; the sagas are run by a third.
 * @throws StartupError when the folder cannot be used; its message says what to do
 */
export function createEngine({ dataDir, projections, logger, ...options }: EngineOptions): Engine {
  const settings = options.settings ?? configureEventSystem({});
  const policy = options.retryPolicy ?? retryPolicyOf(settings);
  const telemetry = options.telemetry ?? noTelemetry();
  const folder = openDataFolder(dataDir);
  const commits = new SqliteCommitStorage(folder.events);
  const names = projections.map(({ name }) => name);
  const views = openViews(folder, commits, logger);
  const objects = new FileObjectStore(dataDir);
  const claims = new ClaimCheck(objects);
  const sharedViews = new SqliteSharedViews(folder.views, views);
  const store = new EventStore(observedStorage(new LargeCommitStorage(commits, claims), telemetry), {
    trace: () => telemetry.tracer.header,
  });
  const bus = new EventBus({
    onHandlerError: (error, { id, type }) => logger.error('a subscriber failed', { id, type, error }),
    observe: traceHandling(telemetry.tracer),
  });
  const { states, writer } = openStates({
    store,
    objects,
    folds: options.folds ?? [],
    settings,
    logger,
    metrics: telemetry.metrics,
  });
  bus.addPublisher('metrics', meteredPublisher(nobody, telemetry.metrics, settings.monitoring.counted_sources));
  // Nobody but this process moves the pointers, so what it knows of them stays true.
  const control = new SqliteControlStore(folder.views);
  const generations = new Generations(control, { maxAgeMs: Number.POSITIVE_INFINITY });
  const wanted = (projection: string) => generations.wanted(projection);
  const { concurrent_workers: concurrency } = settings.processors;
  const work = new Projector({ projections, store, views, sharedViews, generations: wanted, concurrency });
  const stalled = new StalledStreams({
    projector: {
      apply: observedDelivery('projector', (batch) => work.apply(batch), telemetry),
      retryOrPark: async (failure, policy) => {
        const parked = await work.retryOrPark(failure, policy);
        if (parked) telemetry.metrics.count('dead_letters_total', { projection: failure.projection.name });
        return parked;
      },
    },
    policy,
    logger,
    onSettled: () => projector.wake(),
  });
  const projector = new Consumer({
    name: 'the projector',
    commits,
    claims,
    checkpoint: sqliteCheckpoint(folder.views, names),
    logger,
    apply: async (batch) => {
      await stalled.apply(batch);
      await writer?.write(batch.map(({ commit }) => commit));
    },
    unfinished: () => stalled.unfinished(),
  });
  const replaying = createReplays({
    ...{ control, generations, projections, store, commits, claims, views, sharedViews, logger },
    database: folder.views,
    concurrency: settings.processors.concurrent_workers,
  });
  // With the events, so that they outlive views that are deleted to be made anew.
  const busMarks = new SqliteViewStore(folder.bookkeeping);
  const publication = new Publication({
    bus,
    policy,
    parked: new ParkedPublications(busMarks),
    onParked: (stream, parked) => logger.error('a stream is parked as a dead letter of the bus', { stream, parked }),
  });
  const live = (projection: string) => generations.live(projection);
  const { sagas = [] } = options;
  const observe: SagaEngineOptions['observe'] = (work) => observedDelivery('sagas', work, telemetry);
  const runner = new SagaEngine({
    sagas,
    store,
    commits,
    claims,
    database: folder.bookkeeping,
    policy,
    logger,
    observe,
  });
  const { partition_strategy: strategy } = settings.store;
  const pages = new SqliteLogStorage(folder.events);
  const relaying = new Relay({ log: new LogWriter({ storage: pages, commits, strategy }), publication });
  const observed = { relay: observedDelivery('relay', (batch) => relaying.relay(batch), telemetry) };
  const relay = createRelay(folder, commits, observed, { claims, logger, batchSize: settings.bus.batch_size });
  const sweeping = sweepDaily(claims, commits, logger);
  const archive = new LogArchive(objects);
  const archiver = new Schedule({
    name: 'the archiver',
    everyMs: ARCHIVE_EVERY_MS,
    run: () => new LogArchiver({ storage: pages, archive, strategy, ...retentionOf(settings) }).run(),
    logger,
  });
  commits.onStored(() => {
    projector.wake();
    relay.wake();
    runner.wake();
  });

  return {
    store,
    states,
    views,
    generations,
    replays: replaying.replays,
    sharedViews,
    log: new EventLog({ storage: pages, strategy, archive, claims }),
    objects,
    deadLetters: new DeadLetters({ projections, store, views, sharedViews, live, busMarks, publication }),
    bus,
    start: () => {
      projector.start();
      relay.start();
      runner.start();
      replaying.runner.start();
      sweeping.start();
      archiver.start();
    },
    close: async () => {
      sweeping.stop();
      commits.close();
      stalled.close();
      await Promise.all([projector, relay, runner, replaying.runner, archiver].map((part) => part.close()));
      folder.close();
    },
    projectionStatus: async () => {
      const lag = commits.lastPosition() - projector.position;
      const [oldest] = commits.commitsAfter(projector.position, 1);
      const lagMs = oldest ? Math.max(0, Date.now() - Date.parse(oldest.commit.recordedAt)) : 0;
      const status = async (name: string) => {
        const generation = await generations.live(name);
        return { name, generation, lag, lagMs, deadLetters: await views.countParked(name, generation) };
      };
      return Promise.all(names.map(status));
    },
    health: () => healthOf(commits, projector, relay, runner),
  };
}

/** Nobody outside the process is told of events; passing by here, they are counted as on AWS. */
const nobody = { publish: async () => [] };

/** Views that know more commits than there are belong to another history, such as before a backup was restored. */
function openViews({ views: database }: DataFolder, commits: SqliteCommitStorage, logger: Logger): SqliteViewStore {
  const views = new SqliteViewStore(database);
  if (views.position() > commits.lastPosition()) {
    logger.warn('the views are ahead of the events and are made anew', { position: views.position() });
    views.clear();
  }
  return views;
}

/** Its checkpoint lies with the events, so that views can be deleted without all events going to the bus once more. */
function createRelay(
  folder: DataFolder,
  commits: SqliteCommitStorage,
  relay: Pick<Relay, 'relay'>,
  { claims, logger, batchSize }: { claims: ClaimCheck; logger: Logger; batchSize: number },
): Consumer {
  return new Consumer({
    name: 'the relay',
    commits,
    claims,
    checkpoint: sqliteCheckpoint(folder.bookkeeping, ['relay']),
    logger,
    batchSize,
    apply: async (batch) => {
      const [unreached] = await relay.relay(batch.map(({ commit }) => commit));
      if (unreached) throw unreached.error; // nothing is passed by: the same commits come again
    },
  });
}

function healthOf(
  commits: SqliteCommitStorage,
  projector: Consumer,
  relay: Consumer,
  runner: SagaEngine,
): EngineHealth {
  const checks = {
    store: isReadable(commits) ? 'ok' : 'failing',
    projector: projector.failing ? 'failing' : 'ok',
    relay: relay.failing ? 'failing' : 'ok',
    sagas: runner.failing ? 'failing' : 'ok',
  } as const;
  if (checks.store === 'failing') return { status: 'down', checks };
  return { status: Object.values(checks).includes('failing') ? 'degraded' : 'ok', checks };
}

function isReadable(commits: SqliteCommitStorage): boolean {
  try {
    commits.lastPosition();
    return true;
  } catch {
    return false;
  }
}
