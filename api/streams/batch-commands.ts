import * as z from 'zod';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { jsonObject } from '../../core/events/json.ts';
import { type AppendOutcome, appendBatch } from '../../core/store/append-batch.ts';
import { appendOptions, type CommandDeps, rawAppends } from '../http/command.ts';
import { problemOf, problemSchema } from '../http/problem.ts';
import { route } from '../http/route.ts';
import { appendAnswer, expectedVersion, streamIdSchema } from './stream-commands.ts';

/** Most streams, and most events of them all, in one request. */
const MAX_STREAMS = 100;
const MAX_EVENTS = 1_000;

/** The append checks its events, so an invalid event refuses its stream and no other. */
const streamAppend = z.strictObject({
  streamId: streamIdSchema,
  expectedVersion: expectedVersion.default('any'),
  events: z.array(jsonObject).min(1),
});

const batchBody = z.strictObject({
  appends: z
    .array(streamAppend)
    .min(1)
    .max(MAX_STREAMS)
    .refine((appends) => new Set(appends.map(({ streamId }) => streamId)).size === appends.length, {
      message: 'names a stream twice; put all of its events into one entry',
    })
    .refine((appends) => appends.reduce((sum, { events }) => sum + events.length, 0) <= MAX_EVENTS, {
      message: `holds more than ${MAX_EVENTS} events`,
    }),
});

const batchAnswer = z.strictObject({
  results: z
    .array(
      z.union([
        appendAnswer.extend({ status: z.union([z.literal(201), z.literal(200)]) }),
        z.strictObject({ streamId: z.string(), status: z.int().min(400), problem: problemSchema }),
      ]),
    )
    .describe('The result of each append, in the order of the request'),
});
type BatchResult = z.output<typeof batchAnswer>['results'][number];

/** The route that appends to many streams. */
export const batchCommands = [
  route({
    name: 'appendBatch',
    method: 'POST',
    path: '/events:batch',
    summary: 'Append events to many streams, one commit for each',
    description:
      'Each result has the status that the append would have had alone: 201, 200 for a repeat under the same Idempotency-Key, or an error with its problem. A request with unknown results can be repeated with its key.',
    body: batchBody,
    answer: batchAnswer,
    statuses: { 200: 'Every append was attempted; `results` has the result of each' },
    async handle({ body: { appends }, context }, deps: CommandDeps) {
      const requested = appends.map(({ events, ...append }) => ({
        ...append,
        events: events as unknown as NewEvent[],
      }));
      const outcomes = await appendBatch(rawAppends(deps), requested, appendOptions(context, deps));
      return { status: 200, body: { results: outcomes.map(toResult) } };
    },
  }),
];

function toResult(outcome: AppendOutcome): BatchResult {
  if ('error' in outcome) {
    const problem = problemOf(outcome.error);
    return { streamId: outcome.streamId, status: problem.status, problem };
  }
  const { repeated, eventIds, ...result } = outcome.result;
  return { ...result, eventIds: [...eventIds], status: repeated ? 200 : 201 };
}
