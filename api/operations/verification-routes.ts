import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import type { VerificationRun } from '../../core/verification/verifications.ts';
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

/** A verification: its progress, differences and verdict. */
export const verificationAnswer = z
  .strictObject({
    verificationId: id,
    state: z.enum(['running', 'done', 'failed']),
    phase: z.enum(['log', 'streams', 'orphans', 'sums', 'commits', 'done']).describe('The current phase'),
    extent: z
      .strictObject({ pages: count, streams: count, commits: count, events: count, views: count })
      .describe('The amounts compared so far'),
    total: count.describe('Differences found so far'),
    differences: z.array(difference).readonly().describe('The first differences, at the end'),
    verdict: z.string().optional().describe('The verdict in one line, or the reason of a failure'),
  })
  .meta({ id: 'Verification' });

/** The parts that the routes of verifications need: a runner in the same process, or the records of a scheduled function. */
export interface VerificationDeps {
  readonly verifications: {
    start(): string | Promise<string>;
    get(verificationId: string): VerificationRun | Promise<VerificationRun>;
  };
}

/** The routes of verifications. */
export const verificationRoutes = [
  route({
    name: 'verify',
    method: 'POST',
    path: '/verifications',
    summary: 'Compare store, log and views',
    description:
      'Changes nothing. A single verification runs at a time: further requests answer with its id. On AWS it begins within 15 minutes.',
    answer: z.strictObject({ verificationId: id }),
    statuses: { 202: 'The verification runs' },
    async handle(_, { verifications }: VerificationDeps) {
      return { status: 202, body: { verificationId: await verifications.start() } };
    },
  }),
  route({
    name: 'getVerification',
    method: 'GET',
    path: '/verifications/{verificationId}',
    summary: 'The progress and the differences of a verification',
    description: 'A single machine keeps the last 10 since the server started, AWS keeps the last.',
    params: z.object({ verificationId: id }),
    answer: verificationAnswer,
    statuses: { 200: 'The verification' },
    errors: ['NOT_FOUND'],
    async handle({ params: { verificationId } }, { verifications }: VerificationDeps) {
      return { status: 200, body: await verifications.get(verificationId) };
    },
  }),
];
