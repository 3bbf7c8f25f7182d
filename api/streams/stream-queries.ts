import * as z from 'zod';
import { StreamNotFoundError } from '../../core/base/errors.ts';
import type { Catalogue } from '../../core/events/catalogue.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { cursor, encodeCursor, limit, nextPage, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';
import { searchRoute } from './search-queries.ts';
import { streamIdSchema } from './stream-commands.ts';

const direction = z.enum(['forward', 'backward']);
const version = z.int().positive();

const streamQuery = z
  .object({
    from: wholeNumber(1)
      .optional()
      .describe('First sequence number, in the direction; by default the end to start from'),
    to: wholeNumber(1).optional().describe('Last sequence number, included; by default the other end'),
    limit,
    direction: direction.default('forward'),
    cursor: cursor(z.object({ from: version, to: version.optional(), direction })),
  })
  .refine(({ from, to, direction }) => isRange(from, to, direction), {
    path: ['to'],
    message: 'lies before `from` in this direction',
  });

function isRange(from: number | undefined, to: number | undefined, way: z.output<typeof direction>): boolean {
  if (from === undefined || to === undefined) return true;
  return way === 'forward' ? from <= to : from >= to;
}

/** A page of a stream. */
const streamAnswer = (catalogue: Catalogue) =>
  z.strictObject({
    streamId: z.string(),
    version: version.describe('Sequence number of the last event of the stream'),
    events: z.array(catalogue.recordedEvent()),
    next: nextPage,
  });

/** The routes that read the events of a stream, and that find a text in them. */
export const streamQueries = (catalogue: Catalogue) => [
  route({
    name: 'readStream',
    method: 'GET',
    path: '/streams/{streamId}/events',
    summary: 'Read the events of a stream',
    params: z.object({ streamId: streamIdSchema }),
    query: streamQuery,
    answer: streamAnswer(catalogue),
    statuses: { 200: 'A page of events' },
    errors: ['STREAM_NOT_FOUND', 'CORRUPT_DATA'],
    async handle({ params: { streamId }, query }, { store }: { store: EventStore }) {
      const { direction, from, to } = query.cursor ?? query;
      const options = { direction, from, to, limit: query.limit + 1 };
      const [head, page] = await Promise.all([
        store.head(streamId),
        takePage(store.read(streamId, options), query.limit),
      ]);
      const last = page.items.at(-1)?.sequenceNumber ?? 0;
      const version = Math.max(head, last, page.items[0]?.sequenceNumber ?? 0); // another append may happen between the two reads
      if (version === 0) throw new StreamNotFoundError(streamId);
      const next = { from: direction === 'forward' ? last + 1 : last - 1, to, direction };
      return {
        status: 200,
        body: { streamId, version, events: page.items, next: page.more ? encodeCursor(next) : null },
      };
    },
  }),
  searchRoute,
];
