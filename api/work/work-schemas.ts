import * as z from 'zod';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { wholeNumber } from '../http/page.ts';

/** Longest wait for work, seconds: under API Gateway's 29 s for an answer. */
const MAX_WAIT_SECONDS = 20;

const agentType = z
  .string()
  .regex(/^\P{Cc}{1,128}$/u, 'has 1 to 128 characters, none of them a control character')
  .describe('The type of the agent, for work that any agent of the type may claim');

const fencing = z.int().positive().describe('The number of the claim');

const leaseSeconds = z
  .int()
  .min(5)
  .max(3_600)
  .default(60)
  .describe('The lease ends so many seconds after the claim or the last heartbeat');

const limit = z
  .int()
  .min(1)
  .max(100)
  .optional()
  .describe('Most parts that the agent may hold at once, counted over its claims with a limit');

/** The query of an inbox. */
export const waiting = {
  wait: wholeNumber(0, MAX_WAIT_SECONDS).default(0).describe(`Seconds to wait for work, ${MAX_WAIT_SECONDS} at most`),
};

/** The query of the inbox of a type. */
export const typeQuery = { agentType };

/** The body of a claim of one piece of work. */
export const claimBody = z.strictObject({
  agentId: id,
  agentType: agentType.optional(),
  slot: id.optional().describe('The part; any that waits for the agent when absent'),
  leaseSeconds,
  limit,
});

/** The body of a claim of whatever waits. */
export const claimsBody = z.strictObject({
  agentId: id,
  agentType: agentType.optional(),
  max: z.int().min(1).max(10).default(1).describe('Most parts to claim'),
  wait: z
    .int()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .default(0)
    .describe(`Seconds to wait for work, ${MAX_WAIT_SECONDS} at most`),
  leaseSeconds,
  limit,
});

/** The body of a heartbeat. */
export const heartbeatBody = z.strictObject({ agentId: id, fencing, leaseSeconds });

/** The body of a release. */
export const releaseBody = z.strictObject({ agentId: id, fencing });

/** The members of a held part. */
export const heldPart = {
  slot: id.describe('The part of the work'),
  agentId: id,
  fencing: fencing.describe('The number of the claim; answers and heartbeats have to give it'),
  until: instant.describe('The end of the lease without a heartbeat'),
};
