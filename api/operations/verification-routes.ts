import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import type { Verifications } from '../../core/verification/verifications.ts';
import { route } from '../http/route.ts';

const count = z.int().nonnegative();

const difference = z.strictObject({
  part: z.enum(['store', 'log', 'views']),
  place: z.string().describe('Such as "stream agent-7, version 3" or "agent-status/7"'),
  kind: z.enum([
    ...['missing', 'lost', 'gap', 'twice', 'differs', 'behind', 'ahead', 'orphan', 'unreadable', 'moving'],
  ] as const),
  detail: z.string(),
});

export const verificationAnswer = z
  .strictObject({
    verificationId: id,
    state: z.enum(['running', 'done', 'failed']),
    phase: z.enum(['log', 'streams', 'orphans', 'sums', 'commits', 'done']).describe('What is looked at'),
    extent: z
      .strictObject({ pages: count, streams: count, commits: count, events: count, views: count })
      .describe('How much was looked at'),
    total: count.describe('Differences found so far'),
    differences: z.array(difference).readonly().describe('The first of them, once it is done'),
    verdict: z.string().optional().describe('The outcome in one line, or why it failed'),
  })
  .meta({ id: 'Verification' });

/** What the routes about verifications need: whoever runs them in the same process. */
export interface VerificationDeps {
  readonly verifications: Pick<Verifications, 'start' | 'get'>;
}

/** Only where one process serves everything; on AWS a function verifies once a day, and its log has the differences. */
export const verificationRoutes = [
  route({
    name: 'verify',
    method: 'POST',
    path: '/verifications',
    summary: 'Hold store, log and views against each other',
    description: 'Changes nothing. One runs at a time: while it does, this answers with its id.',
    answer: z.strictObject({ verificationId: id }),
    statuses: { 202: 'It runs' },
    async handle(_, { verifications }: VerificationDeps) {
      return { status: 202, body: { verificationId: verifications.start() } };
    },
  }),
  route({
    name: 'getVerification',
    method: 'GET',
    path: '/verifications/{verificationId}',
    summary: 'How far a verification is, and what it found',
    description: 'Kept in memory: the last 10 since the server started.',
    params: z.object({ verificationId: id }),
    answer: verificationAnswer,
    statuses: { 200: 'The verification' },
    errors: ['NOT_FOUND'],
    async handle({ params: { verificationId } }, { verifications }: VerificationDeps) {
      return { status: 200, body: verifications.get(verificationId) };
    },
  }),
];
