import * as z from 'zod';
import { StreamNotFoundError, ValidationError } from '../../core/base/errors.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { recordedEnvelope } from '../../core/events/envelope.ts';
import { findText, type TextPlace } from '../../core/events/find-text.ts';
import type { Json } from '../../core/events/json.ts';
import { historyOf, type Stretch } from '../../core/state/lineage.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { cursor, encodeCursor, limit, nextPage, takePage } from '../http/page.ts';
import { route } from '../http/route.ts';
import { streamIdSchema } from './stream-commands.ts';

/** Most characters of a text to search. */
const MAX_TEXT = 256;
/** Most events that a page reads. */
const MAX_EVENTS = 2_000;
/** Milliseconds after which a page ends. */
const MAX_MS = 2_000;

const version = z.int().positive();
const directions = z.enum(['forward', 'backward']);
type Direction = z.output<typeof directions>;

const searchQuery = z.object({
  text: z
    .string()
    .min(1)
    .max(MAX_TEXT)
    .refine((text) => !text.includes('\0'), 'must not have the character U+0000')
    .describe('The text. Upper and lower case are equal, and every character stands for itself'),
  direction: directions.default('backward').describe('`backward`: the newest events first'),
  limit,
  cursor: cursor(
    z.object({ streamId: streamIdSchema, version: z.int().nonnegative(), direction: directions }),
  ).describe('`next` of the page before, with the same text. It replaces `direction`'),
});

const searchAnswer = z.strictObject({
  streamId: z.string(),
  version: version.describe('Sequence number of the last event of the stream'),
  matches: z.array(
    z.strictObject({
      streamId: z.string().describe('The stream of the event: this stream, or a parent of the fork'),
      sequenceNumber: version,
      type: z.string(),
      timestamp: recordedEnvelope.timestamp,
      path: z.string().describe('The first member with the text, such as `data.observation`'),
      at: z.int().nonnegative().describe('The place of the text in the member, in UTF-16 units'),
      excerpt: z.string().describe('The text with up to 80 characters before and after it'),
    }),
  ),
  searched: z.int().nonnegative().describe('Events that this page read'),
  next: nextPage,
});

/** The route that finds a text in the events of a stream. */
export const searchRoute = route({
  name: 'searchStream',
  method: 'GET',
  path: '/streams/{streamId}/search',
  summary: 'Find the events of a stream whose data has a text',
  description: `Searches the strings of the data. The history that a fork shares with its parents belongs to it. A page reads ${MAX_EVENTS} events at most and ends after about ${MAX_MS / 1_000} s, so it may have few matches or none and still a \`next\`.`,
  params: z.object({ streamId: streamIdSchema }),
  query: searchQuery,
  answer: searchAnswer,
  statuses: { 200: 'A page of places, one for each event' },
  errors: ['STREAM_NOT_FOUND', 'CORRUPT_DATA'],
  async handle({ params: { streamId }, query: { text, limit, cursor, ...query } }, { store }: { store: EventStore }) {
    const history = await wholeHistory(store, streamId);
    const { direction } = cursor ?? query;
    const search = new Search(store, cursor ? restOf(history, cursor) : history, direction);
    const { items, more } = await takePage(search.matches(text), limit);
    const last = more ? items.at(-1) : search.stoppedAfter;
    const next = last ? encodeCursor(placeAfter(last, direction)) : null;
    const version = history.at(-1)?.to ?? 0;
    return { status: 200, body: { streamId, version, matches: items, searched: search.events, next } };
  },
});

/** The history of a stream with the events that begin its forks. @throws StreamNotFoundError */
async function wholeHistory(store: EventStore, streamId: string): Promise<Stretch[]> {
  const history = await historyOf(store, streamId);
  if (history.at(-1)?.stream !== streamId) throw new StreamNotFoundError(streamId);
  return history.map((stretch) => ({ ...stretch, from: 1 }));
}

/** What is left of a history after the earlier pages. @throws ValidationError for the place of another history */
function restOf(
  history: readonly Stretch[],
  next: { streamId: string; version: number; direction: Direction },
): Stretch[] {
  const index = history.findIndex(({ stream }) => stream === next.streamId);
  const here = history[index];
  if (!here) throw new ValidationError([{ path: 'cursor', message: 'is not a `next` of an earlier page' }]);
  return next.direction === 'forward'
    ? [{ ...here, from: Math.max(here.from, next.version) }, ...history.slice(index + 1)]
    : [...history.slice(0, index), { ...here, to: Math.min(here.to, next.version) }];
}

/** The place of an event. */
interface Place {
  readonly streamId: string;
  readonly sequenceNumber: number;
}

const placeAfter = ({ streamId, sequenceNumber }: Place, direction: Direction) => ({
  streamId,
  version: sequenceNumber + (direction === 'forward' ? 1 : -1),
  direction,
});

/** A search that ends after {@link MAX_EVENTS} events or {@link MAX_MS}. */
class Search {
  readonly #store: EventStore;
  readonly #history: readonly Stretch[];
  readonly #direction: Direction;
  /** Events that were read. */
  events = 0;
  /** The last event that was read, when others follow and the search has ended. */
  stoppedAfter: Place | undefined;

  constructor(store: EventStore, history: readonly Stretch[], direction: Direction) {
    this.#store = store;
    this.#history = history;
    this.#direction = direction;
  }

  async *matches(text: string) {
    const deadline = performance.now() + MAX_MS;
    let last: Place | undefined;
    for await (const { streamId, event } of this.#eventsInOrder()) {
      if (last && (this.events >= MAX_EVENTS || performance.now() > deadline)) {
        this.stoppedAfter = last;
        return;
      }
      this.events += 1;
      last = { streamId, sequenceNumber: event.sequenceNumber };
      const found = await findText(event.data as Json, text);
      if (found) yield matchOf(streamId, event, found);
    }
  }

  async *#eventsInOrder() {
    const forward = this.#direction === 'forward';
    for (const { stream, from, to } of forward ? this.#history : this.#history.toReversed()) {
      if (from > to) continue;
      const range = forward ? { from, to } : { from: to, to: from };
      const events = this.#store.read(stream, { ...range, direction: this.#direction });
      for await (const event of events) yield { streamId: stream, event };
    }
  }
}

const matchOf = (
  streamId: string,
  { sequenceNumber, type, timestamp }: DomainEvent,
  { path, at, excerpt }: TextPlace,
) => ({
  ...{ streamId, sequenceNumber, type, timestamp },
  ...{ path: `data.${path}`, at, excerpt },
});
