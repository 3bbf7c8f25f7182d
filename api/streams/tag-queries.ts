import * as z from 'zod';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { tagName } from '../../core/events/envelope.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { limit, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';

const tagAnswer = (catalogue: Catalogue) =>
  z.strictObject({
    tag: z.string(),
    version: z
      .int()
      .nonnegative()
      .describe('Continue `after` it; a condition of a transaction `after` it holds until another event has the tag'),
    events: z.array(catalogue.recordedEvent()),
    caughtUp: z.boolean().describe('Whether these are all events after `after`'),
  });

/** The route that reads the events of a tag. */
export const tagQueries = (catalogue: Catalogue) => [
  route({
    name: 'readTag',
    method: 'GET',
    path: '/tags/{tag}/events',
    summary: 'Read the events of a tag, over all streams',
    description: 'The answer has every event whose append was answered before the request.',
    params: z.object({ tag: tagName }),
    query: z.object({
      after: wholeNumber(0).default(0).describe('`version` of the page before'),
      limit: limit.describe('Most commits of the page; it has fewer when they are large'),
    }),
    answer: tagAnswer(catalogue),
    statuses: { 200: 'A page of events; empty when no event has the tag' },
    errors: ['CORRUPT_DATA'],
    async handle({ params: { tag }, query: { after, limit: most } }, { store }: { store: EventStore }) {
      const { items, more } = await takePage(store.tagged(tag, after), most);
      const version = items.at(-1)?.number ?? after;
      return { status: 200, body: { tag, version, events: items.flatMap(({ events }) => events), caughtUp: !more } };
    },
  }),
];
