import * as z from 'zod';
import { appendOptions, type CommandDeps, newAggregateId, REPEAT, repeatHeader } from '../../api/http/command.ts';
import { type RequestContext, route } from '../../api/http/route.ts';
import { id } from '../../core/events/envelope.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { workflowStarted, workflowStepCompleted, workflowStepFailed } from '../../events/workflow.ts';
import { type WorkflowCommand, workflowDecider } from './workflow.ts';
import { workflowPlan } from './workflow-saga.ts';

export const startWorkflowBody = workflowStarted.data.extend({
  workflowId: id.optional().describe('Made when absent'),
  parameters: z
    .object({
      plan: workflowPlan.optional().describe('Has the workflow driven by the saga: its steps, the first first'),
    })
    .catchall(z.json()),
});
export const completeStepBody = workflowStepCompleted.data.omit({ workflowId: true });
export const failStepBody = workflowStepFailed.data.omit({ workflowId: true });

export const workflowAnswer = z.strictObject({ workflowId: id, version: z.int().positive() });

const run = (workflowId: string, command: WorkflowCommand, context: RequestContext, deps: CommandDeps) =>
  handleCommand(deps.store, workflowDecider, workflowId, command, appendOptions(context, deps));

export const workflowCommands = [
  route({
    name: 'startWorkflow',
    method: 'POST',
    path: '/workflows',
    summary: 'Start a workflow',
    body: startWorkflowBody,
    answer: workflowAnswer,
    statuses: { 201: 'Started', 200: REPEAT },
    errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ body: { workflowId: given, ...data }, context }, deps: CommandDeps) {
      const workflowId = given ?? newAggregateId('workflow', context, deps);
      const { version, repeated } = await run(workflowId, { kind: 'start', ...data }, context, deps);
      return { status: repeated ? 200 : 201, body: { workflowId, version }, headers: repeatHeader(repeated) };
    },
  }),
  route({
    name: 'completeWorkflowStep',
    method: 'POST',
    path: '/workflows/{workflowId}/steps',
    summary: 'A step of a workflow is done',
    params: z.object({ workflowId: id }),
    body: completeStepBody,
    answer: workflowAnswer,
    statuses: { 201: 'Recorded', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { workflowId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(workflowId, { kind: 'complete-step', ...body }, context, deps);
      return { status: repeated ? 200 : 201, body: { workflowId, version }, headers: repeatHeader(repeated) };
    },
  }),
  route({
    name: 'failWorkflowStep',
    method: 'POST',
    path: '/workflows/{workflowId}/failures',
    summary: 'A step of a workflow could not be done',
    params: z.object({ workflowId: id }),
    body: failStepBody,
    answer: workflowAnswer,
    statuses: { 201: 'Recorded', 200: REPEAT },
    errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
    async handle({ params: { workflowId }, body, context }, deps: CommandDeps) {
      const { version, repeated } = await run(workflowId, { kind: 'fail-step', ...body }, context, deps);
      return { status: repeated ? 200 : 201, body: { workflowId, version }, headers: repeatHeader(repeated) };
    },
  }),
];
