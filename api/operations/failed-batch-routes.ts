import * as z from 'zod';
import { type FailedBatches, type RedrivenBatch, redriveBatches } from '../../core/publishing/failed-batches.ts';
import { cursor, encodeCursor, limit, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';

/** What the routes about failed batches need. */
export interface FailedBatchDeps {
  readonly failedBatches: FailedBatches;
}

/** How long one request redrives before it answers that there is more, milliseconds: a batch takes some seconds itself. */
const REDRIVE_MS = 5_000;

const batchId = z
  .string()
  .regex(/^[A-Za-z0-9._~:-]{1,512}$/, 'must be the id of a failed batch')
  .meta({ id: 'FailedBatchId' });

const failedBatch = z
  .strictObject({
    batchId,
    failedAt: z.string().describe('When the consumer gave it up'),
    bytes: z.int().nonnegative(),
  })
  .meta({ id: 'FailedBatch' });

const redrivenBatch = z
  .strictObject({
    batchId,
    outcome: z.enum(['redriven', 'failed']).describe('`redriven`: all of it was taken, and it is forgotten'),
    consumers: z.array(z.string()).describe('Who took it: the projector, the relay, or both'),
    records: z.int().nonnegative(),
    reason: z.string().optional().describe('Why it failed'),
  })
  .meta({ id: 'RedrivenBatch' });

const answerOf = ({ consumers, ...rest }: RedrivenBatch) => ({ ...rest, consumers: [...consumers] });

export const failedBatchRoutes = [
  route({
    name: 'listFailedBatches',
    method: 'GET',
    path: '/failed-batches',
    summary: 'Batches of commits that the projector or the relay gave up on',
    description: 'On AWS after 12 hours. One machine gives up none.',
    query: z.object({ limit, cursor: cursor(z.object({ after: batchId })) }),
    answer: z.strictObject({ failedBatches: z.array(failedBatch), next: z.string().nullable() }),
    statuses: { 200: 'A page of failed batches' },
    async handle({ query }, { failedBatches }: FailedBatchDeps) {
      const { items, more } = await takePage(failedBatches.list(query.cursor?.after), query.limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ after: last.batchId }) : null;
      return { status: 200, body: { failedBatches: items, next } };
    },
  }),
  route({
    name: 'redriveFailedBatch',
    method: 'POST',
    path: '/failed-batches/{batchId}/redrive',
    summary: 'Run a failed batch through its consumer again',
    description: 'The consumer skips what it knows, so a repeat is harmless. What fails again stays.',
    params: z.object({ batchId }),
    answer: redrivenBatch,
    statuses: { 200: 'What came of it' },
    errors: ['NOT_FOUND'],
    async handle({ params }, { failedBatches }: FailedBatchDeps) {
      return { status: 200, body: answerOf(await failedBatches.redrive(params.batchId)) };
    },
  }),
  route({
    name: 'redriveFailedBatches',
    method: 'POST',
    path: '/failed-batches/redrive',
    summary: 'Run failed batches through their consumers again, one after the other',
    description: `Stops after \`limit\` batches or ${REDRIVE_MS / 1_000} s; \`more\` says that there are others: go on with \`after\` the last.`,
    query: z.object({
      limit: wholeNumber(1, 100).default(100).describe('Most batches to redrive'),
      after: batchId.optional().describe('Only batches behind this one'),
    }),
    answer: z.strictObject({ results: z.array(redrivenBatch), more: z.boolean() }),
    statuses: { 200: 'What came of each' },
    async handle({ query }, { failedBatches }: FailedBatchDeps) {
      const deadline = new Date(Date.now() + REDRIVE_MS);
      const { results, more } = await redriveBatches(failedBatches, { ...query, deadline });
      return { status: 200, body: { results: results.map(answerOf), more } };
    },
  }),
];
