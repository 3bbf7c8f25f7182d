import * as z from 'zod';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';
import { instant } from './instant.ts';
import { json } from './json.ts';

/** The aggregate type of the streams of approvals: `approval-dunning:1:write-off`. */
export const APPROVAL_STREAMS = 'approval';

/** The name of a group, a role or a person that decides. */
export const approver = z.string().min(1).max(128);
/** What a person says about an approval. */
export const approvalDecision = z.enum(['approve', 'refuse']);
const reason = z.string().min(1).max(1024);

const common = {
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: APPROVAL_STREAMS,
  streamIds: ['approvalId'],
} as const;

/** The members of every event: the saga that waits, its item, and whose decision it waits for. */
const facts = { approvalId: id, sagaId: id, item: id, by: approver };

export const approvalRequested = defineEvent({
  ...common,
  type: 'approval.requested',
  description: 'A saga waits until somebody approves or refuses.',
  data: z.strictObject({
    ...facts,
    title: z.string().max(1024).describe('What is to be approved, in words'),
    asks: json.optional().describe('The facts that the decision needs'),
    until: instant.describe('The end of the time to decide'),
    otherwise: approvalDecision.describe('What counts when nobody decides in time'),
  }),
  sensitive: ['asks'],
});

export const approvalDecided = defineEvent({
  ...common,
  type: 'approval.decided',
  description: 'Somebody approved or refused. `who` is what the caller says.',
  data: z.strictObject({ ...facts, decision: approvalDecision, who: approver, why: reason }),
  sensitive: ['why'],
});

export const approvalExpired = defineEvent({
  ...common,
  type: 'approval.expired',
  description: 'Nobody decided in time. `decision` is what counts then, as the saga declares.',
  data: z.strictObject({ ...facts, decision: approvalDecision, until: instant }),
  sensitive: [],
});

export const approvalWithdrawn = defineEvent({
  ...common,
  type: 'approval.withdrawn',
  description: 'The saga turned round, so that nobody has to decide any more.',
  data: z.strictObject({ ...facts, reason }),
  sensitive: ['reason'],
});

/** The events of approvals, which sagas ask for. */
export const approvalEvents = [approvalRequested, approvalDecided, approvalExpired, approvalWithdrawn] as const;
