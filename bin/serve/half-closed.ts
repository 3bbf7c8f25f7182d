import type { Server, ServerResponse } from 'node:http';

/** Pause between two comments to a follower that has shut down its writing side, milliseconds. */
const PROBE_MS = 500;

/**
 * Answers a client that has shut down its writing side after its request (a TCP FIN). Node drops such a request by
 * default. A client that has gone sends a FIN too: its request ends with the answer, at the latest after the time in
 * which nothing may move on a connection.
 */
export function answerHalfClosed(server: Server): Server {
  // The published types lack this member; Node reads it when a connection ends.
  return Object.assign(server, { httpAllowHalfOpen: true });
}

/**
 * Lets a follower go that has left with a FIN. An idle stream sends nothing for a while, so a comment follows at once,
 * and then one every half second: the system of a client that has gone refuses them, which closes the connection. A
 * client that still reads ignores comments.
 * @param response the answer that streams Server-Sent Events
 */
export function probeAfterFin(response: ServerResponse): void {
  const { socket } = response;
  if (!socket) return;
  let probes: NodeJS.Timeout | undefined;
  const probe = () => {
    if (response.headersSent && !response.writableEnded && !response.writableNeedDrain) response.write(':\n\n');
  };
  const onFin = () => {
    probe();
    probes = setInterval(probe, PROBE_MS);
  };
  response.once('close', () => {
    socket.off('end', onFin);
    clearInterval(probes);
  });
  if (socket.readableEnded) onFin();
  else socket.once('end', onFin);
}
