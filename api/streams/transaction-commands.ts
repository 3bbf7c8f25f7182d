import * as z from 'zod';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { id, tagName } from '../../core/events/envelope.ts';
import { jsonObject } from '../../core/events/json.ts';
import { transactRaw } from '../../core/state/raw-transaction.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { MAX_CHANGE_ITEMS } from '../../core/store/change-size.ts';
import { appendOptions, type CommandDeps, REPEAT, repeatHeader } from '../http/command.ts';
import { route } from '../http/route.ts';
import { appendAnswer, expectedVersion, streamIdSchema } from './stream-commands.ts';

const version = z.int().nonnegative();

const transactionBody = z.strictObject({
  appends: z
    .array(z.strictObject({ streamId: streamIdSchema, expectedVersion, events: z.array(jsonObject).min(1) }))
    .min(1)
    .max(MAX_CHANGE_ITEMS)
    .describe('A commit for each stream; a stream occurs once'),
  checks: z
    .array(z.strictObject({ streamId: streamIdSchema, version: version.describe('0 = the stream has no events') }))
    .max(MAX_CHANGE_ITEMS)
    .default([])
    .describe('Streams that have to be at a version, and get no events'),
  conditions: z
    .array(
      z.strictObject({
        tag: tagName,
        after: version.describe('`version` of the last read of the tag; 0 = no event has the tag'),
      }),
    )
    .max(MAX_CHANGE_ITEMS)
    .default([])
    .describe('Tags of which no event may have come after a number'),
});

const transactionAnswer = z.strictObject({
  transactionId: id.describe('Every event shows it as `metadata.transaction.id`'),
  results: z.array(appendAnswer).describe('The result of each append, in the order of the request'),
});

/** The route that appends to several streams at once. */
export const transactionCommands = [
  route({
    name: 'transact',
    method: 'POST',
    path: '/transactions',
    summary: 'Append events to several streams, all or none',
    description: `At most ${MAX_CHANGE_ITEMS} items: each append, check, condition, tag of a commit's events and event id of the caller is an item, and so is an Idempotency-Key. Every aggregate has to admit its events, as with an append to its stream alone. Readers of the log, views and sagas may see the commits one by one; \`metadata.transaction\` has the id and the number of commits.`,
    body: transactionBody,
    answer: transactionAnswer,
    statuses: { 201: 'Every append was written', 200: REPEAT },
    errors: ['RESERVED_TYPE', 'NOT_ADMITTED', 'EVENT_ID_TAKEN', 'CONCURRENCY_CONFLICT'],
    async handle({ body, context }, deps: CommandDeps) {
      const { store, aggregates, states = new StateReader({ store }) } = deps;
      const { states: _, ...options } = appendOptions(context, deps);
      const appends = body.appends.map(({ events, ...append }) => ({
        ...append,
        events: events as unknown as NewEvent[], // the store checks them, and names the append of a fault
      }));
      const written = await transactRaw({ store, states, aggregates }, { ...body, appends }, options);
      const results = written.results.map(({ repeated: _, eventIds, ...result }) => ({
        ...result,
        eventIds: [...eventIds],
      }));
      return {
        status: written.repeated ? 200 : 201,
        body: { transactionId: written.transactionId, results },
        headers: repeatHeader(written.repeated),
      };
    },
  }),
];
