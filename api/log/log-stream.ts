import * as z from 'zod';
import { UnavailableError } from '../../core/base/errors.ts';
import { sharedJson } from '../../core/base/json-text.ts';
import { EventStream, type EventStreamOptions } from '../../core/log/event-stream.ts';
import type { EventLog } from '../../core/log/log.ts';
import { parsePosition } from '../../core/log/position.ts';
import type { LoggedEvent } from '../../core/log/slice.ts';
import { assertKnownTypes } from '../../core/store/registered-types.ts';
import type { App, AppDeps } from '../http/app.ts';
import { isFault, problemOf } from '../http/problem.ts';
import { readQuery, type StreamedRoute } from '../http/route.ts';
import { type LogDeps, logQuery } from './log-queries.ts';

/** Pause between two heartbeats of an idle stream, milliseconds. */
const HEARTBEAT_MS = 15_000;
/**
 * Most bytes of events that wait for a slow reader; a single event may be larger. Reading pauses until the reader takes
 * them.
 */
const MAX_WAITING_BYTES = 64 * 1024;
/** Most followers of a process by default: with 64 KB waiting for each they hold 256 MB. */
const MAX_FOLLOWERS = 4_000;

/** The declaration for the OpenAPI document. */
export const logStreamRoute: StreamedRoute = {
  name: 'streamLog',
  path: '/events/stream',
  summary: 'Follow the log as Server-Sent Events; the id of each is its position',
  query: logQuery,
  headers: z.object({ 'Last-Event-ID': z.string().optional().describe('Position to go on after') }),
  mediaType: 'text/event-stream',
  answer: 'Events without end',
  errors: ['INVALID_ID', 'VALIDATION_FAILED', 'UNAVAILABLE'],
};

/**
 * Adds `GET /events/stream`: the log as Server-Sent Events, for hosts that can stream. The id of each event is its position.
 * A reader that connects again with `Last-Event-ID`, as browsers do automatically, gets every event once.
 * The route answers 503 when `maxFollowers` readers follow the log.
 */
export function addLogStream(
  app: App,
  { log, store, closing, logger, maxFollowers = MAX_FOLLOWERS }: LogDeps & AppDeps,
): void {
  let followers = 0;
  app.get('/events/stream', async (c) => {
    const { type: types, after, ...query } = readQuery(logQuery, c.req.raw);
    await assertKnownTypes(store, types ?? [], 'type');
    const from = c.req.header('Last-Event-ID') || after; // an empty id is none
    if (from !== undefined) parsePosition(from); // refused before the status is sent
    if (followers >= maxFollowers) {
      throw new UnavailableError(
        `${maxFollowers} readers follow the log, the most that are allowed; try later, or read GET /events`,
      );
    }
    const headers = {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache',
      'X-Accel-Buffering': 'no', // otherwise nginx holds events back
    };
    if (c.req.raw.method === 'HEAD') return c.body(null, 200, headers);
    followers += 1;
    const onEnd = () => {
      followers -= 1;
    };
    const onError = (error: unknown) => {
      if (isFault(problemOf(error))) logger?.error('a stream of events ended', { error });
    };
    const options = { ...query, types, after: from, maxBytes: MAX_WAITING_BYTES, waitMs: HEARTBEAT_MS };
    return c.body(serverSentEvents(log, options, closing, { onEnd, onError }), 200, headers);
  });
}

/** Nothing runs or waits until the reader asks for more, nor after the reader is gone. */
function serverSentEvents(
  log: EventLog,
  options: EventStreamOptions,
  closing: AbortSignal | undefined,
  { onEnd, onError }: { readonly onEnd: () => void; readonly onError: (error: unknown) => void },
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const end = (): void => {
    if (gone.signal.aborted) return;
    closing?.removeEventListener('abort', end);
    gone.abort();
    onEnd();
  };
  closing?.addEventListener('abort', end, { once: true });
  const chunks = eventChunks(log, { ...options, signal: gone.signal }, onError);
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (value) controller.enqueue(value);
        if (!done) return;
        controller.close();
        end();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

async function* eventChunks(
  log: EventLog,
  options: EventStreamOptions,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  yield encode('retry: 1000\n\n');
  try {
    for await (const { events, next } of new EventStream(log, options).getSlices()) {
      // An id without data moves the reader's position forward without an event.
      yield events.length > 0 ? encoded(events) : encode(`id: ${next}\n\n`);
    }
  } catch (error) {
    onError(error);
    yield encode(`event: problem\ndata: ${JSON.stringify(problemOf(error))}\n\n`);
  }
}

const encoder = new TextEncoder();
const encode = (text: string): Uint8Array => encoder.encode(text);

/** Followers at the same place share a slice and its bytes. */
const known = new WeakMap<readonly LoggedEvent[], Uint8Array>();

function encoded(events: readonly LoggedEvent[]): Uint8Array {
  const bytes =
    known.get(events) ??
    encode(events.map((event) => `id: ${event.position}\ndata: ${sharedJson(event)}\n\n`).join(''));
  known.set(events, bytes);
  return bytes;
}
