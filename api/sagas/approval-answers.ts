import * as z from 'zod';
import type { ApprovalView } from '../../application/approval-list.ts';
import { approvalDecision, approver } from '../../core/events/approval.ts';
import { id } from '../../core/events/envelope.ts';
import { json } from '../../core/events/json.ts';
import { storedInstant } from '../../core/events/stored-form.ts';
import { timesSchema } from '../../core/projections/times.ts';

/** The state of an approval. */
export const approvalState = z
  .enum(['open', 'approved', 'refused', 'expired', 'withdrawn'])
  .describe('`expired`: nobody decided in time; `withdrawn`: the saga turned round');

/** The members of an approval that people see. */
export const approvalAnswer = z
  .strictObject({
    ...timesSchema,
    approvalId: id,
    state: approvalState,
    version: z.int().positive().describe('The sequence number of the last applied event'),
    sagaId: id.describe('The saga that waits'),
    item: id.describe('The item of the saga that waits'),
    by: approver.describe('The group, role or person that decides'),
    title: z.string().exactOptional().describe('What is to be approved, in words'),
    asks: json.exactOptional().describe('The facts that the decision needs'),
    until: storedInstant.exactOptional().describe('The end of the time to decide'),
    otherwise: approvalDecision.exactOptional().describe('What counts when nobody decides in time'),
    decision: approvalDecision.exactOptional().describe('What counts'),
    who: z.string().exactOptional().describe('The person that decided, as the caller says'),
    why: z.string().exactOptional().describe('The reason for the decision or for the withdrawal'),
  } satisfies Record<keyof ApprovalView | 'version', z.ZodType>)
  .meta({ id: 'ApprovalView' });
