import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import application from '#application';
import { createEngine, type Engine } from '../../adapters/embedded/engine/engine.ts';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { createApi } from '../../api/api.ts';
import { requestObserver } from '../../api/http/observe.ts';
import type { Annals } from '../../core/application/define-annals.ts';
import { configureEventSystem, type EventSystem } from '../../core/base/configuration.ts';
import type { Logger } from '../../core/base/log-lines.ts';
import { PastFolds } from '../../core/projections/past-folds.ts';
import { noFailedBatches } from '../../core/publishing/failed-batches.ts';
import { Verifications } from '../../core/verification/verifications.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { keepOut } from './door.ts';
import { answerHalfClosed, eventStreams } from './half-closed.ts';
import { createServerTelemetry, gaugeEngine, type LocalTelemetry, safeLogger, watchHealth } from './telemetry.ts';

/** Loopback only: the server has no authentication, so other machines must not reach it. */
const HOST = '127.0.0.1';

/** When the server closes, it waits this long for unfinished requests, milliseconds. */
const CLOSING_MS = 5_000;

/** Time limit for receiving a request, milliseconds: a body of 5 MB at 1.3 Mbit/s. */
const UPLOAD_MS = 30_000;

/** The server closes connections without traffic for this time, milliseconds. Every wait of the API is shorter. */
const SILENCE_MS = 60_000;

/** Time limits of Node's server: headers get a third of the time; `connectionsCheckingInterval` bounds the delay. */
const timeLimits = (uploadMs = UPLOAD_MS) => ({
  requestTimeout: uploadMs,
  headersTimeout: Math.ceil(uploadMs / 3),
  connectionsCheckingInterval: Math.min(1_000, Math.ceil(uploadMs / 3)),
});

/** Settings of {@link startServer}. */
export interface ServerOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Path of the data folder, which is created when it does not exist. */
  readonly dataDir: string;
  /** Further names that requests may use as `Host`, and pages as `Origin`; those of this machine are always allowed. */
  readonly allowedHosts?: readonly string[];
  /** Time limit for receiving a request, milliseconds; 30,000 by default. Then the answer is 408. */
  readonly uploadMs?: number;
  /** The server closes connections without traffic for this time, milliseconds; 60,000 by default. */
  readonly silenceMs?: number;
  /** The application; by default `#application`. */
  readonly annals?: Annals;
  /** Settings of `annals.config.ts`; all defaults by default. */
  readonly settings?: EventSystem;
  readonly logger: Logger;
}

/** A running server. */
export interface Server {
  readonly url: string;
  /** Refuses new requests, finishes current requests, and closes the data folder. Acknowledged events are safe without it. */
  close(): Promise<void>;
}

/**
 * Serves the HTTP API over the embedded engine, on the loopback interface.
 * @throws StartupError when the data folder or the port cannot be used; its message says what to do
 */
export async function startServer({ port, allowedHosts = [], ...options }: ServerOptions): Promise<Server> {
  const settings = options.settings ?? configureEventSystem({});
  const { annals = application } = options;
  const telemetry = createServerTelemetry(settings);
  const logger = safeLogger(options.logger, telemetry.tracer);
  const engine = createEngine({ ...options, ...annals, logger, settings, telemetry });
  gaugeEngine(telemetry, engine);
  const closing = new AbortController();
  const verifications = new Verifications({
    open: () => openVerification(options.dataDir, annals),
    onError: (error) => engine.logger.error('a verification could not run', { error }),
  });
  const api = createEmbeddedApi({
    annals,
    engine,
    logger: engine.logger,
    telemetry,
    verifications,
    closing: closing.signal,
  });
  const answer: FetchCallback = async (request, { outgoing }) => {
    const response = closedAfterRefusal(keepOut(request, { allowedHosts }) ?? (await api.fetch(request)));
    if (response.headers.get('Content-Type') === 'text/event-stream') eventStreams.add(outgoing);
    return response;
  };
  const http = answerHalfClosed(createServer(timeLimits(options.uploadMs), getRequestListener(answer)));
  http.setTimeout(options.silenceMs ?? SILENCE_MS);
  try {
    await listen(http, port);
  } catch (error) {
    await engine.close();
    throw error;
  }
  engine.start();
  const stopWatching = watchHealth(engine, telemetry, logger, settings.monitoring.health_check_interval);
  const { port: actual } = http.address() as AddressInfo;
  return {
    url: `http://${HOST}:${actual}`,
    close: async () => {
      stopWatching();
      closing.abort();
      await verifications.close();
      await stopListening(http);
      await engine.close();
    },
  };
}

type FetchCallback = Parameters<typeof getRequestListener>[0];

/** Closes the connection of a refused request: parts of its body may still arrive, so no other request can use it. */
function closedAfterRefusal(response: Response): Response {
  if (response.status === 413 || response.status === 503) response.headers.set('Connection', 'close');
  return response;
}

interface ApiParts {
  readonly annals: Annals;
  readonly engine: Engine;
  readonly logger: Logger;
  readonly telemetry: LocalTelemetry;
  readonly verifications: Verifications;
  readonly closing: AbortSignal;
}

function createEmbeddedApi({ annals, engine, logger, telemetry, verifications, closing }: ApiParts) {
  const { tracer, metrics, prometheus, tracesOf } = telemetry;
  return createApi({
    store: engine.store,
    log: engine.log,
    past: new PastFolds({ log: engine.log, histories: { store: engine.store }, views: engine.views }),
    closing,
    states: engine.states,
    aggregates: annals.aggregates,
    views: engine.views,
    control: engine.control,
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

async function listen(http: HttpServer, port: number): Promise<void> {
  try {
    http.listen(port, HOST);
    await once(http, 'listening');
  } catch (cause) {
    throw new StartupError(portFault(port, cause), { cause });
  }
}

function portFault(port: number, cause: unknown): string {
  const remedy = 'or set PORT to another port';
  switch (cause instanceof Error && 'code' in cause ? cause.code : undefined) {
    case 'EADDRINUSE':
      return `port ${port} of ${HOST} is taken by another process; stop that process ${remedy}`;
    case 'EACCES':
      return `port ${port} of ${HOST} needs rights that this user does not have; ask for them ${remedy}`;
    default:
      return `port ${port} of ${HOST} cannot be listened on (${cause instanceof Error ? cause.message : cause}); ${remedy.slice(3)}`;
  }
}

async function stopListening(http: HttpServer): Promise<void> {
  const closed = once(http, 'close');
  http.close();
  const tidy = setInterval(() => http.closeIdleConnections(), 20); // also connections that become idle meanwhile
  const deadline = setTimeout(() => http.closeAllConnections(), CLOSING_MS);
  await closed;
  clearInterval(tidy);
  clearTimeout(deadline);
}
