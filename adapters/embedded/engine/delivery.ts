import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import type { RetryPolicy } from '../../../core/base/retry.ts';
import type { Budgets } from '../../../core/budgets/budgets.ts';
import type { EventBus } from '../../../core/bus/event-bus.ts';
import { LogWriter } from '../../../core/log/writer.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import { Projector } from '../../../core/projections/projector.ts';
import { BUS, ParkedStreams, SAGAS } from '../../../core/publishing/parked-streams.ts';
import { Publication } from '../../../core/publishing/publication.ts';
import { Relay } from '../../../core/publishing/relay.ts';
import type { AnySaga } from '../../../core/sagas/saga.ts';
import type { Commanded } from '../../../core/schedules/actions.ts';
import type { SnapshotWriter } from '../../../core/state/snapshot-writer.ts';
import type { StateReader } from '../../../core/state/state-reader.ts';
import { observedDelivery, type Telemetry } from '../../../core/telemetry/telemetry.ts';
import { sqliteCheckpoint } from '../sqlite/checkpoint.ts';
import type { DataFolder } from '../sqlite/database.ts';
import { Consumer } from './consumer.ts';
import { PushEngine } from './push-engine.ts';
import { SagaEngine } from './saga-engine.ts';
import { ScheduleEngine } from './schedule-engine.ts';
import { StalledStreams } from './stalled-streams.ts';
import type { EngineStores } from './stores.ts';

/** The stores and settings of {@link createDelivery}. */
export interface DeliveryOptions {
  readonly folder: DataFolder;
  readonly stores: EngineStores;
  readonly projections: readonly AnyProjection[];
  readonly sagas: readonly AnySaga[];
  readonly aggregates: readonly Commanded[];
  readonly states: StateReader;
  readonly bus: EventBus;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Whether subscriptions may push to private addresses. */
  readonly allowPrivate: boolean;
  /** Number of projections that the projector updates side by side. */
  readonly concurrency: number;
  /** Most commits of a batch of the relay. */
  readonly relayBatch: number;
  /** Undefined in an application without budgets. */
  readonly budgets: Budgets | undefined;
  /** Undefined when the settings disable snapshots. */
  readonly snapshots: SnapshotWriter | undefined;
}

/** Creates the consumers of all commits: the projector, the relay, the runners of sagas and of schedules, and the push. */
export function createDelivery(options: DeliveryOptions) {
  const { projector, stalled } = createProjector(options);
  const publication = createPublication(options);
  const relay = createRelay(options, publication);
  const sagas = createSagas(options);
  const schedules = createSchedules(options);
  const push = createPush(options);
  options.stores.commits.onStored(() => {
    for (const consumer of [projector, relay, sagas, schedules, push]) consumer.wake();
  });
  return { projector, stalled, publication, relay, sagas, schedules, push };
}

function createProjector(options: DeliveryOptions) {
  const { folder, stores, projections, policy, logger, telemetry, concurrency, snapshots, budgets } = options;
  const { store, views, sharedViews, commits, claims } = stores;
  const generations = (projection: string) => stores.generations.wanted(projection);
  const work = new Projector({ projections, store, views, sharedViews, generations, concurrency });
  const observed = { ...telemetry, catalogue: store.catalogue };
  const stalled = new StalledStreams({
    projector: {
      apply: observedDelivery('projector', (batch) => work.apply(batch), observed),
      retryOrPark: async (failure, policy) => {
        const parked = await work.retryOrPark(failure, policy);
        if (parked) telemetry.metrics.count('dead_letters_total', { projection: failure.projection.name });
        if (!parked) await budgets?.after([failure.commit]);
        return parked;
      },
    },
    policy,
    logger,
    onSettled: () => projector.wake(),
  });
  const names = projections.map(({ name }) => name);
  const projector: Consumer = new Consumer({
    name: 'the projector',
    commits,
    claims,
    checkpoint: sqliteCheckpoint(folder.views, names),
    logger,
    apply: async (batch) => {
      stores.historyMark.raise(commits);
      await stalled.apply(batch);
      await budgets?.after(batch.map(({ commit }) => commit));
      await snapshots?.write(batch.map(({ commit }) => commit));
    },
    unfinished: () => stalled.unfinished(),
  });
  return { projector, stalled };
}

function createPublication({ stores, bus, policy, logger }: DeliveryOptions): Publication {
  return new Publication({
    catalogue: stores.store.catalogue,
    bus,
    policy,
    parked: new ParkedStreams(stores.busMarks, BUS),
    onParked: logLines(logger).parkedByBus,
  });
}

/** The relay's checkpoint is in the database of the events: deleted views must not publish all events again. */
function createRelay({ folder, stores, logger, telemetry, relayBatch }: DeliveryOptions, publication: Publication) {
  const { logPages, commits, claims } = stores;
  const relay = new Relay({ log: new LogWriter({ ...logPages, commits }), publication });
  const observed = { ...telemetry, catalogue: stores.store.catalogue };
  const work = observedDelivery('relay', (batch) => relay.relay(batch), observed);
  return new Consumer({
    name: 'the relay',
    commits,
    claims,
    checkpoint: sqliteCheckpoint(folder.bookkeeping, ['relay']),
    logger,
    batchSize: relayBatch,
    apply: async (batch) => {
      const [unreached] = await work(batch.map(({ commit }) => commit));
      if (unreached) throw unreached.error; // no event is skipped: the consumer delivers the same commits again
    },
  });
}

function createSagas({ folder, stores, sagas, policy, logger, telemetry }: DeliveryOptions): SagaEngine {
  const { store, commits, claims } = stores;
  return new SagaEngine({
    ...{ sagas, store, commits, claims, policy, logger },
    database: folder.bookkeeping,
    marks: stores.busMarks,
    onParked: () => telemetry.metrics.count('dead_letters_total', { projection: SAGAS }),
    observe: (work) => observedDelivery('sagas', work, { ...telemetry, catalogue: store.catalogue }),
  });
}

function createSchedules({ folder, stores, states, aggregates, sagas, logger }: DeliveryOptions): ScheduleEngine {
  const { store, commits } = stores;
  return new ScheduleEngine({ store, states, aggregates, sagas, commits, database: folder.bookkeeping, logger });
}

function createPush({ folder, stores, states, logger, allowPrivate }: DeliveryOptions): PushEngine {
  const { store, log, commits, workItems: control } = stores;
  return new PushEngine({ store, log, control, states, commits, database: folder.bookkeeping, logger, allowPrivate });
}
