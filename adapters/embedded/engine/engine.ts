import { configureEventSystem, type EventSystem } from '../../../core/base/configuration.ts';
import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import { type RetryPolicy, retryPolicyOf } from '../../../core/base/retry.ts';
import { type AdmitsClaim, admitsEveryClaim } from '../../../core/budgets/claims.ts';
import type { BudgetCounting } from '../../../core/budgets/counting.ts';
import { EventBus } from '../../../core/bus/event-bus.ts';
import type { Catalogue } from '../../../core/events/catalogue.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import { DeadLetters } from '../../../core/publishing/dead-letters.ts';
import type { Replays } from '../../../core/replays/replays.ts';
import type { AnySaga } from '../../../core/sagas/saga.ts';
import type { Commanded } from '../../../core/schedules/actions.ts';
import type { AnyFold } from '../../../core/state/fold.ts';
import type { StateReader } from '../../../core/state/state-reader.ts';
import { DamageRecord, notingDamage } from '../../../core/telemetry/damage.ts';
import { meteredPublisher } from '../../../core/telemetry/metered.ts';
import { noTelemetry, type Telemetry } from '../../../core/telemetry/telemetry.ts';
import { traceHandling } from '../../../core/telemetry/traced.ts';
import { type DataFolder, openDataFolder } from '../sqlite/database.ts';
import { openBudgets } from './budgets.ts';
import { createDelivery } from './delivery.ts';
import { createHousekeeping } from './housekeeping.ts';
import { closeParts, type Part, startParts } from './parts.ts';
import { createReplays } from './replay-engine.ts';
import { openStates } from './states.ts';
import { checkHealth, type EngineHealth, type ProjectionProgress, readProjectionStatus } from './status.ts';
import { type EngineStores, openStores } from './stores.ts';

/** The domain, the folder and the settings of {@link createEngine}. */
export interface EngineOptions {
  /** Path of the data folder, which is created when it does not exist. */
  readonly dataDir: string;
  /** The event types of the application. */
  readonly catalogue: Catalogue;
  readonly projections: readonly AnyProjection[];
  /** Without sagas, the checkpoint of the sagas stays, and a later engine with sagas goes on from there. */
  readonly sagas?: readonly AnySaga[];
  /** The aggregates whose commands schedules may send; none by default. */
  readonly aggregates?: readonly Commanded[];
  /** How budgets are counted; without it there are none. */
  readonly budgets?: BudgetCounting | undefined;
  /** The states of which the engine keeps snapshots. */
  readonly folds?: readonly AnyFold[];
  readonly logger: Logger;
  /** The checked settings of `annals.config.ts`; by default all defaults. */
  readonly settings?: EventSystem;
  /** Retries of a commit that fails; by default those of the settings. */
  readonly retryPolicy?: RetryPolicy;
  /** Receives metrics and traces; by default they are discarded. */
  readonly telemetry?: Telemetry;
}

/** The stores that the engine exposes. The log has each event a moment after its append. */
type Ports = Pick<
  EngineStores,
  'store' | 'views' | 'generations' | 'sharedViews' | 'control' | 'workItems' | 'objects' | 'log'
>;

/** Annals in a single process, on a data folder. */
export interface Engine extends Ports {
  /** The logger of the process. Logged errors about damaged data also show in the health. */
  readonly logger: Logger;
  /** Loads states of streams from snapshots and memory. */
  readonly states: StateReader;
  readonly replays: Replays;
  readonly deadLetters: DeadLetters;
  readonly bus: EventBus;
  /** Admits claims within budgets. */
  readonly admitsClaim: AdmitsClaim;
  /** Starts to update views and to feed log and bus. Subscribe before the start, to receive every event. */
  start(): void;
  /**
   * Finishes the current work and closes the folder. The next start goes on with the rest.
   * @throws AggregateError when parts failed to close; all other parts are closed then
   */
  close(): Promise<void>;
  /** The progress of each projection. @throws UnavailableError */
  projectionStatus(): Promise<readonly ProjectionProgress[]>;
  /** The number of commits that are stored, and not yet in the views or not yet in the log. @throws UnavailableError */
  backlog(): number;
  /** The health of the engine. It never throws. */
  health(): EngineHealth;
}

/**
 * Opens a data folder and creates an engine on it: a database of commits, a database of views, and the consumers that
 * bring commits into views, log and bus. The consumers run after {@link Engine.start}.
 * @throws StartupError when the folder cannot be used; its message says what to do
 */
export function createEngine(options: EngineOptions): Engine {
  const folder = openDataFolder(options.dataDir);
  try {
    return compose(folder, options);
  } catch (error) {
    folder.close();
    throw error;
  }
}

function compose(folder: DataFolder, options: EngineOptions): Engine {
  const {
    dataDir,
    catalogue,
    projections,
    sagas = [],
    aggregates = [],
    folds = [],
    settings = configureEventSystem({}),
  } = options;
  const { retryPolicy: policy = retryPolicyOf(settings), telemetry = noTelemetry() } = options;
  const { concurrent_workers: concurrency } = settings.processors;
  const { metrics } = telemetry;
  const damage = new DamageRecord(() => metrics.count('corrupt_data_total', {}));
  const logger = notingDamage(options.logger, damage);
  const stores = openStores(folder, { dataDir, catalogue, settings, telemetry, logger, damage });
  const { store, objects, views, sharedViews, control, workItems, generations, log, busMarks } = stores;
  const { states, writer: snapshots } = openStates({ store, objects, folds, settings, logger, metrics });
  const budgets = openBudgets({ counting: options.budgets, ...stores, states, logger });
  const bus = createBus(settings, telemetry, { logger, catalogue });
  const relayBatch = settings.bus.batch_size;
  const shared = { folder, stores, projections, logger, concurrency };
  const delivery = createDelivery({
    ...shared,
    sagas,
    aggregates,
    states,
    bus,
    policy,
    telemetry,
    relayBatch,
    allowPrivate: settings.push.allow_private,
    snapshots,
    budgets,
  });
  const { projector, relay, publication, schedules, push } = delivery;
  const { replays, runner } = createReplays({ ...shared, ...stores, database: folder.views });
  const { archiver, sweep } = createHousekeeping(stores, settings, logger);
  const live = (projection: string) => generations.live(projection);
  const names = projections.map(({ name }) => name);
  // All that starts, in this order, and all that closes, in the reverse: first nothing more is taken, last the folder.
  const parts: readonly Part[] = [
    { name: 'the data folder', close: () => folder.close() },
    { name: 'the projector', start: () => projector.start(), close: () => projector.close() },
    { name: 'the relay', start: () => relay.start(), close: () => relay.close() },
    {
      name: 'the sagas',
      ...(sagas.length > 0 && { start: () => delivery.sagas.start() }),
      close: () => delivery.sagas.close(),
    },
    { name: 'the schedules', start: () => schedules.start(), close: () => schedules.close() },
    { name: 'the push', start: () => push.start(), close: () => push.close() },
    { name: 'the replays', start: () => runner.start(), close: () => runner.close() },
    { name: 'the sweep', start: () => sweep.start(), close: () => sweep.close() },
    { name: 'the archiver', start: () => archiver.start(), close: () => archiver.close() },
    { name: 'the retries of stalled streams', close: () => delivery.stalled.close() },
    { name: 'the store', close: () => stores.commits.close() },
  ];
  return {
    ...{ logger, store, states, views, generations, replays, sharedViews, control, workItems, log, objects, bus },
    admitsClaim: budgets?.admit ?? admitsEveryClaim,
    deadLetters: new DeadLetters({
      ...{ projections, store, views, sharedViews, live, busMarks, publication },
      sagas: { marks: busMarks, redrive: (stream) => delivery.sagas.redrive(stream) },
    }),
    start: () => startParts(parts),
    close: () => closeParts(parts),
    backlog: () => stores.commits.lastPosition() - Math.min(projector.position, relay.position),
    projectionStatus: () => readProjectionStatus(stores, projector, names),
    health: () => checkHealth(stores, delivery, damage),
  };
}

/** A bus without subscribers outside of the process. Its publisher only counts the published events, as on AWS. */
function createBus(
  settings: EventSystem,
  { metrics, tracer }: Telemetry,
  { logger, catalogue }: Pick<EngineOptions, 'logger' | 'catalogue'>,
): EventBus {
  const countedSources = settings.monitoring.counted_sources;
  const bus = new EventBus({
    onHandlerError: logLines(logger).subscriberFailed,
    observe: traceHandling(tracer),
  });
  const nowhere = { publish: async () => [] };
  bus.addPublisher('metrics', meteredPublisher(nowhere, metrics, { countedSources, catalogue }));
  return bus;
}
