import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { keepOut } from './door.ts';
import { answerHalfClosed, eventStreams } from './half-closed.ts';
import { openService, type Service, type ServiceOptions } from './service.ts';

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

/** Settings of {@link listen}. */
export interface ListenOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Further names that requests may use as `Host`, and pages as `Origin`; those of this machine are always allowed. */
  readonly allowedHosts?: readonly string[];
  /** Time limit for receiving a request, milliseconds; 30,000 by default. Then the answer is 408. */
  readonly uploadMs?: number;
  /** The server closes connections without traffic for this time, milliseconds; 60,000 by default. */
  readonly silenceMs?: number;
}

/** Settings of {@link startServer}. */
export type ServerOptions = ServiceOptions & ListenOptions;

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
export async function startServer(options: ServerOptions): Promise<Server> {
  const service = openService(options);
  try {
    const { url } = await listen(service, options);
    service.start();
    return { url, close: () => service.close() };
  } catch (error) {
    await service.close();
    throw error;
  }
}

/**
 * Serves the API of a service on the loopback interface, until the service closes.
 * @throws StartupError when the port cannot be used; its message says what to do
 */
export async function listen(
  service: Service,
  { port, allowedHosts = [], uploadMs, silenceMs = SILENCE_MS }: ListenOptions,
): Promise<{ readonly url: string }> {
  const answer: FetchCallback = async (request, { outgoing }) => {
    const response = closedAfterRefusal(keepOut(request, { allowedHosts }) ?? (await service.fetch(request)));
    if (response.headers.get('Content-Type') === 'text/event-stream') eventStreams.add(outgoing);
    return response;
  };
  const http = answerHalfClosed(createServer(timeLimits(uploadMs), getRequestListener(answer)));
  http.setTimeout(silenceMs);
  await bind(http, port);
  service.beforeClose(() => stopListening(http));
  const { port: actual } = http.address() as AddressInfo;
  return { url: `http://${HOST}:${actual}` };
}

type FetchCallback = Parameters<typeof getRequestListener>[0];

/** Closes the connection of a refused request: parts of its body may still arrive, so no other request can use it. */
function closedAfterRefusal(response: Response): Response {
  if (response.status === 413 || response.status === 503) response.headers.set('Connection', 'close');
  return response;
}

async function bind(http: HttpServer, port: number): Promise<void> {
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
