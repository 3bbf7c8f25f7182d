import * as z from 'zod';
import { type FailedBatches, type RedrivenBatch, redriveBatches } from '../../core/publishing/failed-batches.ts';
import { cursor, encodeCursor, limit, takePage, wholeNumber } from '../http/page.ts';
import { route } from '../http/route.ts';

/** The parts that the routes of failed batches need. */
export interface FailedBatchDeps {
  readonly failedBatches: FailedBatches;
}

/** A request starts no further batch after this time, milliseconds: a batch takes some seconds. */
const REDRIVE_MS = 5_000;

const batchId = z
  .string()
  .regex(/^[A-Za-z0-9._~:-]{1,512}$/, 'must be the id of a failed batch')
  .meta({ id: 'FailedBatchId' });

const failedBatch = z
  .strictObject({
    batchId,
    failedAt: z.string().describe('The time at which Lambda gave the batch up'),
    bytes: z.int().nonnegative(),
  })
  .meta({ id: 'FailedBatch' });

const redrivenBatch = z
  .strictObject({
    batchId,
    outcome: z.enum(['redriven', 'failed']).describe('`redriven`: the consumers took the batch, and it was removed'),
    consumers: z.array(z.string()).describe('The consumers of the batch: the projector, the relay, or both'),
    records: z.int().nonnegative(),
    reason: z.string().optional().describe('The reason of a failure'),
  })
  .meta({ id: 'RedrivenBatch' });

const toAnswer = ({ consumers, ...rest }: RedrivenBatch) => ({ ...rest, consumers: [...consumers] });

/** The routes of failed batches. */
export const failedBatchRoutes = [
  route({
    name: 'listFailedBatches',
    method: 'GET',
    path: '/failed-batches',
    summary: 'Batches of commits that the projector or the relay gave up on',
    description: 'Lambda gives a batch up after 12 hours. A single machine gives no batch up.',
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
    description: 'The consumer skips commits that it knows, so a repeat is harmless. A batch that fails again stays.',
    params: z.object({ batchId }),
    answer: redrivenBatch,
    statuses: { 200: 'The result' },
    errors: ['NOT_FOUND'],
    async handle({ params }, { failedBatches }: FailedBatchDeps) {
      return { status: 200, body: toAnswer(await failedBatches.redrive(params.batchId)) };
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
    statuses: { 200: 'The result of each' },
    async handle({ query }, { failedBatches }: FailedBatchDeps) {
      const deadline = new Date(Date.now() + REDRIVE_MS);
      const { results, more } = await redriveBatches(failedBatches, { ...query, deadline });
      return { status: 200, body: { results: results.map(toAnswer), more } };
    },
  }),
];
