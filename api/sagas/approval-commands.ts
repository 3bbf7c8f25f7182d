import * as z from 'zod';
import { approvalDecision, approver } from '../../core/events/approval.ts';
import { id } from '../../core/events/envelope.ts';
import { approvalDecider } from '../../core/sagas/approvals.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { appendOptions, type CommandDeps, repeatHeader } from '../http/command.ts';
import { route } from '../http/route.ts';
import { approvalState } from './approval-answers.ts';

/** The body of a decision. */
export const decisionBody = z.strictObject({
  decision: approvalDecision,
  who: approver.describe('The person that decides. Nobody checks the name: it is the word of the caller'),
  why: z.string().min(1).max(1024),
});

/** The answer to a decision. */
export const decisionAnswer = z.strictObject({ approvalId: id, state: approvalState, version: z.int().positive() });

/** The route by which people decide about approvals. */
export const approvalCommands = [
  route({
    name: 'decideApproval',
    method: 'POST',
    path: '/approvals/{approvalId}',
    summary: 'Approve or refuse',
    description:
      'The saga goes on after an approval, and undoes its work after a refusal. The first decision counts; the same decision again changes nothing, and any other is refused, as is a decision after the time.',
    params: z.object({ approvalId: id }),
    body: decisionBody,
    answer: decisionAnswer,
    statuses: { 200: 'Decided' },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { approvalId }, body, context }, deps: CommandDeps) {
      const command = { kind: 'decide', ...body } as const;
      const options = appendOptions(context, deps);
      const { state, version, repeated } = await handleCommand(
        deps.store,
        approvalDecider,
        approvalId,
        command,
        options,
      );
      const decided = approvalState.parse(state.status);
      return { status: 200 as const, body: { approvalId, state: decided, version }, headers: repeatHeader(repeated) };
    },
  }),
];
