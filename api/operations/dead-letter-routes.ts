import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import { parkedSchema } from '../../core/projections/parked.ts';
import type { DeadLetter, DeadLetters, Redriven } from '../../core/publishing/dead-letters.ts';
import { cursor, encodeCursor, limit, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';

/** The parts that the routes of dead letters need. */
export interface DeadLetterDeps {
  readonly deadLetters: DeadLetters;
}

/** Longest redrive of one request, milliseconds; API Gateway waits 29 s. The answer says whether more is left. */
const REDRIVE_MS = 15_000;

const letterId = z
  .string()
  .regex(/^[a-z0-9-]{1,64}:[A-Za-z0-9._~:-]{1,192}$/, 'must be the id of a dead letter, <projection>:<stream>')
  .meta({ id: 'DeadLetterId' });

const letter = z
  .strictObject({
    id: letterId,
    projection: z
      .string()
      .describe(
        'The projection that cannot apply the event; `bus` when the bus cannot publish it, `sagas` when a saga cannot take it',
      ),
    stream: z.string().describe('The stream whose later events wait'),
    applied: z.int().nonnegative().describe('Sequence number of the last event that was applied or published'),
    ...parkedSchema.shape,
  })
  .meta({ id: 'DeadLetter' });

const redriven = z
  .strictObject({
    id: letterId,
    outcome: z.enum(['redriven', 'parked']).describe('`parked`: it fails again, at `parked.version`'),
    from: z.int().nonnegative().describe('Sequence number of the last event applied before'),
    to: z.int().nonnegative().describe('The same after'),
    parked: parkedSchema.optional(),
  })
  .meta({ id: 'Redriven' });

const toAnswer = ({ parked, key: _, ...known }: DeadLetter) => ({ ...known, ...parked });
const toOutcome = ({ parked, ...result }: Redriven) => ({
  ...result,
  outcome: parked ? ('parked' as const) : ('redriven' as const),
  ...(parked ? { parked } : {}),
});

const preview = z
  .stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })
  .default(false)
  .meta({ override: { type: 'boolean' } })
  .describe('Shows the result of a redrive, and writes nothing');
const filter = { projection: id.optional().describe('Only those of this projection, or of `bus` or `sagas`') };

/** The routes that read dead letters. */
export const deadLetterQueries = [
  route({
    name: 'listDeadLetters',
    method: 'GET',
    path: '/dead-letters',
    summary: 'Streams that wait behind an event that a projection, the bus or a saga cannot process',
    description: 'Each with the event, the error and the attempts. On AWS the list may be a moment behind.',
    query: z.object({ ...filter, limit, cursor: cursor(z.object({ projection: id.optional(), in: id, after: id })) }),
    answer: z.strictObject({ deadLetters: z.array(letter), next: z.string().nullable() }),
    statuses: { 200: 'A page of dead letters' },
    errors: ['NOT_FOUND'],
    async handle({ query: { limit, ...query } }, { deadLetters }: DeadLetterDeps) {
      const { projection } = query.cursor ?? query;
      const from = query.cursor && { projection: query.cursor.in, after: query.cursor.after };
      const { items, more } = await takePage(deadLetters.list(projection, from), limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ projection, in: last.projection, after: last.key }) : null;
      return { status: 200, body: { deadLetters: items.map(toAnswer), next } };
    },
  }),
  route({
    name: 'getDeadLetter',
    method: 'GET',
    path: '/dead-letters/{deadLetterId}',
    summary: 'One dead letter',
    params: z.object({ deadLetterId: letterId }),
    answer: letter,
    statuses: { 200: 'The dead letter' },
    errors: ['NOT_FOUND'],
    async handle({ params: { deadLetterId } }, { deadLetters }: DeadLetterDeps) {
      return { status: 200, body: toAnswer(await deadLetters.get(deadLetterId)) };
    },
  }),
];

/** The routes that redrive dead letters. */
export const deadLetterOperations = [
  route({
    name: 'redriveDeadLetter',
    method: 'POST',
    path: '/dead-letters/{deadLetterId}/redrive',
    summary: 'Try a dead letter again, in order, up to the head of its stream',
    description: 'An event that fails again is parked again, with one more attempt in its history.',
    params: z.object({ deadLetterId: letterId }),
    query: z.object({ preview }),
    answer: redriven,
    statuses: { 200: 'The result, or its preview' },
    errors: ['NOT_FOUND'],
    async handle({ params: { deadLetterId }, query }, { deadLetters }: DeadLetterDeps) {
      const result = await (query.preview ? deadLetters.preview(deadLetterId) : deadLetters.redrive(deadLetterId));
      return { status: 200, body: toOutcome(result) };
    },
  }),
  route({
    name: 'redriveDeadLetters',
    method: 'POST',
    path: '/dead-letters/redrive',
    summary: 'Try dead letters again, one stream after the other',
    description: `Stops after \`limit\` streams or ${REDRIVE_MS / 1_000} s; \`more\` says that there are others.`,
    query: z.object({ ...filter, preview, limit: wholeNumber(1, 1_000).default(100).describe('Most streams to try') }),
    answer: z.strictObject({ results: z.array(redriven), more: z.boolean() }),
    statuses: { 200: 'The result of each, or its preview' },
    errors: ['NOT_FOUND'],
    async handle({ query }, { deadLetters }: DeadLetterDeps) {
      const deadline = new Date(Date.now() + REDRIVE_MS);
      const { results, more } = await deadLetters.redriveAll({ ...query, deadline });
      return { status: 200, body: { results: results.map(toOutcome), more } };
    },
  }),
];
