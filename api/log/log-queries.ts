import * as z from 'zod';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { clocks } from '../../core/events/clock.ts';
import { id } from '../../core/events/envelope.ts';
import { aggregateTypeName } from '../../core/events/event-type.ts';
import { instant } from '../../core/events/instant.ts';
import type { EventLog } from '../../core/log/log.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { assertKnownTypes } from '../../core/store/registered-types.ts';
import { limit, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';

/** Longest wait for news, seconds: under API Gateway's 29 s for an answer. */
const MAX_WAIT_SECONDS = 20;

/** Most types of a filter. */
const MAX_TYPES = 100;

/** The filters of the log, for pages and for the stream. */
export const logQuery = z.object({
  after: z.string().max(2048).optional().describe('Reads after this position; from the beginning when absent'),
  type: z
    .string()
    .max(2048)
    .transform((text) => text.split(','))
    .pipe(z.array(z.string()).max(MAX_TYPES))
    .optional()
    .meta({ override: { type: 'string' } })
    .describe('Event types, separated by commas; all when absent'),
  aggregateType: aggregateTypeName.optional(),
  aggregateId: id.optional().describe('Events of the streams of this aggregate'),
  correlationId: id.optional().describe('Events of one conversation'),
  from: instant.optional().describe('Events at or after this instant'),
  to: instant.optional().describe('Events at or before this instant'),
  clock: z
    .enum(clocks)
    .default('recorded')
    .describe(
      'The time of events that `from` and `to` mean. `recorded`: their `recordedAt`; a range in the past never changes, and the log is read from `from` to `to` alone. `happened`: their `timestamp`; late events are found, the log is read from `after` to its end, and `to` ends no wait',
    ),
});

/** The parts that the routes of the log need. */
export interface LogDeps {
  readonly log: EventLog;
  readonly store: EventStore;
  /** Ends waits for news when the server closes. */
  readonly closing?: AbortSignal;
  /** Most followers of GET /events/stream at once; 4,000 by default. */
  readonly maxFollowers?: number;
}

/** A page of the log. */
const logAnswer = (catalogue: Catalogue) =>
  z.strictObject({
    events: z.array(catalogue.recordedEvent()),
    next: z.string().describe('The position for the next request, also without events'),
    caughtUp: z
      .boolean()
      .describe(
        'Whether the answer reached the end of the log. An answer that did not may still have few events, or none',
      ),
  });

/** The route of the log's pages. */
export const logQueries = (catalogue: Catalogue) => [
  route({
    name: 'readLog',
    method: 'GET',
    path: '/events',
    summary: 'Read the log: the events of all streams in one order without gaps',
    description:
      'GET /events/stream gives the same as Server-Sent Events, where the host can stream. It takes the same parameters but limit and wait. The id of each event is its position, so Last-Event-ID resumes.',
    query: logQuery.extend({
      limit,
      wait: wholeNumber(0, MAX_WAIT_SECONDS)
        .default(0)
        .describe(`Seconds to wait for an event, ${MAX_WAIT_SECONDS} at most`),
    }),
    answer: logAnswer(catalogue),
    statuses: { 200: 'A page of events, each with its position' },
    errors: ['CORRUPT_DATA'],
    async handle({ query: { after, type, wait, ...query }, signal: gone }, { log, store, closing }: LogDeps) {
      await assertKnownTypes(store, type ?? [], 'type');
      const signal = closing ? AbortSignal.any([closing, gone]) : gone;
      const slice = await log.getEventsAfter(after, { ...query, types: type, waitMs: wait * 1_000, signal });
      return { status: 200, body: { ...slice, events: [...slice.events] } };
    },
  }),
];
