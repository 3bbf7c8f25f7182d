import { streamSSE } from 'hono/streaming';
import { EventStream } from '../../core/log/event-stream.ts';
import { parsePosition } from '../../core/log/position.ts';
import type { App } from '../http/app.ts';
import { problemOf } from '../http/problem.ts';
import { readQuery } from '../http/route.ts';
import { type LogDeps, logQuery } from './log-queries.ts';

/** Between two signs of life of a stream that has nothing to say, milliseconds. */
const SIGN_OF_LIFE_MS = 15_000;

/**
 * `GET /events/stream`: the log as Server-Sent Events, for hosts that can stream. The id of each is its position, so a
 * reader that comes back with `Last-Event-ID`, as browsers do by themselves, misses nothing and gets nothing twice.
 */
export function addLogStream(app: App, { log, closing }: LogDeps): void {
  app.get('/events/stream', (c) => {
    const { type, after, ...query } = readQuery(logQuery, c.req.raw);
    const from = c.req.header('Last-Event-ID') ?? after;
    if (from !== undefined) parsePosition(from); // refused while there still is a status to refuse it with
    return streamSSE(c, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const signal = AbortSignal.any([gone.signal, ...(closing ? [closing] : [])]);
      const events = new EventStream(log, { ...query, types: type, after: from, signal });
      // An id without data tells a reader how far the stream has come although nothing was wanted, and is no event to it.
      const sign = () => stream.write(events.position === undefined ? ':\n\n' : `id: ${events.position}\n\n`);
      const life = setInterval(sign, SIGN_OF_LIFE_MS);
      try {
        await stream.write('retry: 1000\n\n');
        for await (const event of events.getEventIterator()) {
          await stream.writeSSE({ id: event.position, data: JSON.stringify(event) });
        }
      } catch (error) {
        await stream.writeSSE({ event: 'problem', data: JSON.stringify(problemOf(error)) });
      } finally {
        clearInterval(life);
      }
    });
  });
}
