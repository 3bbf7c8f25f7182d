import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Pause between two probes of a client that has shut down its writing side, milliseconds. */
const PROBE_MS = 500;
/** Pause between probes before the answer starts: some clients take any 1xx for the answer, so they get 1xx late. */
const WAITING_PROBE_MS = 2_000;

/** The answers that stream Server-Sent Events. Clients ignore comments in them, so comments serve as probes. */
export const eventStreams = new WeakSet<object>();

/**
 * Answers a client that has shut down its writing side after its request (a TCP FIN). Node drops such a request by
 * default. A client that has gone sends a FIN too, so the server sends probes while it works: the system of a client that
 * has gone refuses them, which closes the connection and ends the work. A client that still reads ignores them.
 */
export function answerHalfClosed(server: Server): Server {
  const inWork = new WeakMap<Socket, Set<ServerResponse>>();
  server.on('connection', (socket) => {
    const responses = new Set<ServerResponse>();
    inWork.set(socket, responses);
    socket.once('end', () => probe(socket, responses));
  });
  server.on('request', ({ socket, httpVersion }, response) => {
    if (httpVersion === '1.0') return; // HTTP 1.0 has no 1xx, and the answer ends the connection
    const responses = inWork.get(socket);
    responses?.add(response);
    response.once('close', () => responses?.delete(response));
  });
  // The published types lack this member; Node reads it when a connection ends.
  return Object.assign(server, { httpAllowHalfOpen: true });
}

/** @param responses the unfinished responses, in the order of their requests */
function probe(socket: Socket, responses: Iterable<ServerResponse>): void {
  const signal = (mayWait: boolean) => {
    const [response] = responses; // the responses behind it cannot be written yet
    if (!response || response.writableEnded || response.writableNeedDrain) return;
    if (!response.headersSent) return mayWait ? undefined : response.writeContinue();
    if (eventStreams.has(response)) response.write(':\n\n');
  };
  let probes = 0;
  signal(true);
  const timer = setInterval(() => signal(++probes % (WAITING_PROBE_MS / PROBE_MS) > 0), PROBE_MS);
  socket.once('close', () => clearInterval(timer));
}
