import application from '#application';
import { createEngine, type Engine } from '../../adapters/embedded/engine/engine.ts';
import { leaseTimer } from '../../adapters/embedded/engine/lease-timer.ts';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import { createApi } from '../../api/api.ts';
import { requestObserver } from '../../api/http/observe.ts';
import { type Annals, settingsOf } from '../../application/define-annals.ts';
import { type Work, workOf } from '../../application/work.ts';
import type { EventSystem } from '../../core/base/configuration.ts';
import type { Logger } from '../../core/base/log-lines.ts';
import { PastFolds } from '../../core/projections/past-folds.ts';
import { noFailedBatches } from '../../core/publishing/failed-batches.ts';
import type { Tracer } from '../../core/telemetry/tracer.ts';
import { Verifications } from '../../core/verification/verifications.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { createServerTelemetry, gaugeEngine, type LocalTelemetry, safeLogger, watchHealth } from './telemetry.ts';
import type { TraceEndpoint } from './trace-endpoint.ts';

/** The longest pause between two looks at an empty inbox, milliseconds. All agents that wait share the look. */
const LONGEST_PAUSE_MS = 100;

/** Settings of {@link openService}. */
export interface ServiceOptions {
  /** Path of the data folder, which is created when it does not exist. */
  readonly dataDir: string;
  /** The application; by default `#application`. */
  readonly annals?: Annals;
  /** Checked settings in place of those of the application. */
  readonly settings?: EventSystem;
  readonly logger: Logger;
  /** Gets the traces of the service; by default they stay in memory. */
  readonly traceEndpoint?: TraceEndpoint | undefined;
}

/** An application on a data folder: the engine that runs it, and its API. */
export interface Service {
  readonly engine: Engine;
  /** The views of the past. */
  readonly past: PastFolds;
  readonly tracer: Tracer;
  /** Starts to update views, to run sagas, and to feed the log. */
  start(): void;
  /** Answers a request to the API. */
  fetch(request: Request): Response | Promise<Response>;
  /** Adds work for {@link Service.close}, which is done before the engine closes. */
  beforeClose(work: () => Promise<void>): void;
  /** Ends waiting requests, finishes current work, and closes the data folder. */
  close(): Promise<void>;
}

/**
 * Opens an application on a data folder.
 * @throws StartupError when the data folder cannot be used; its message says what to do
 * @throws ValidationError when a setting of the application is wrong
 */
export function openService(options: ServiceOptions): Service {
  const { annals = application, settings = settingsOf(annals) } = options;
  const telemetry = createServerTelemetry(settings, options);
  const logger = safeLogger(options.logger, telemetry.tracer);
  const engine = createEngine({ ...options, ...annals, logger, settings, telemetry });
  gaugeEngine(telemetry, engine);
  const closing = new AbortController();
  const verifications = new Verifications({
    open: () => openVerification(options.dataDir, annals),
    onError: (error) => engine.logger.error('a verification could not run', { error }),
  });
  const past = new PastFolds({ log: engine.log, histories: { store: engine.store }, views: engine.views });
  const work = workOf(annals, { ...engine, longestPauseMs: LONGEST_PAUSE_MS });
  const api = createEmbeddedApi({
    annals,
    engine,
    work,
    past,
    logger: engine.logger,
    telemetry,
    verifications,
    closing: closing.signal,
  });
  const endOfLeases = work && leaseTimer(work.leases, logger);
  const atClose: (() => Promise<void> | void)[] = [() => verifications.close(), () => endOfLeases?.close()];
  return {
    engine,
    past,
    tracer: telemetry.tracer,
    start() {
      engine.start();
      endOfLeases?.start();
      const stop = watchHealth(engine, telemetry, logger, settings.monitoring.health_check_interval);
      atClose.unshift(stop);
    },
    fetch: (request) => api.fetch(request),
    beforeClose: (work) => atClose.push(work),
    async close() {
      closing.abort();
      for (const work of atClose.splice(0)) await work();
      await engine.close();
      await telemetry.close();
    },
  };
}

interface ApiParts {
  readonly annals: Annals;
  readonly engine: Engine;
  readonly work: Work | undefined;
  readonly past: PastFolds;
  readonly logger: Logger;
  readonly telemetry: LocalTelemetry;
  readonly verifications: Verifications;
  readonly closing: AbortSignal;
}

function createEmbeddedApi({ annals, engine, work, past, logger, telemetry, verifications, closing }: ApiParts) {
  const { tracer, metrics, prometheus, tracesOf } = telemetry;
  return createApi(annals, {
    store: engine.store,
    log: engine.log,
    past,
    closing,
    states: engine.states,
    aggregates: annals.aggregates,
    views: engine.views,
    control: engine.control,
    workItems: engine.workItems,
    pushes: true,
    work,
    generations: engine.generations,
    replays: engine.replays,
    sharedViews: engine.sharedViews,
    deadLetters: engine.deadLetters,
    failedBatches: noFailedBatches,
    projections: annals.projections,
    logger,
    observe: requestObserver(tracer, metrics, 'server'),
    trace: () => tracer.header,
    tracesOf,
    verifications,
    projectionStatus: async () =>
      (await engine.projectionStatus()).map(({ name, generation, lagMs, deadLetters }) => ({
        name,
        generation,
        lag: lagMs,
        deadLetters,
      })),
    health: async () => ({ ...engine.health(), version: packageJson.version }),
    metricsText: prometheus && (() => prometheus.read()),
  });
}
