import * as z from 'zod';
import { commandRoute } from '../../api/http/command-route.ts';
import { id } from '../../core/events/envelope.ts';
import { json } from '../../core/events/json.ts';
import { workflowStarted, workflowStepCompleted, workflowStepFailed } from '../../events/workflow.ts';
import { workflowPlan } from '../../events/workflow-plan.ts';
import { workflowDecider } from './workflow.ts';

export const workflowAnswer = z.strictObject({ workflowId: id, version: z.int().positive() });

const parameters = z
  .object({ plan: workflowPlan.optional().describe('The saga drives the workflow through these steps, in this order') })
  .catchall(json);

const command = commandRoute(workflowDecider, {
  answer: workflowAnswer,
  reply: ({ id: workflowId, version }) => ({ workflowId, version }),
});

export const workflowCommands = [
  command({
    name: 'startWorkflow',
    path: '/workflows',
    summary: 'Start a workflow',
    body: workflowStarted.data.omit({ workflowId: true }).extend({ parameters }),
    command: (data) => ({ kind: 'start', ...data }),
    done: 'Started',
  }),
  command({
    name: 'completeWorkflowStep',
    path: '/workflows/{workflowId}/steps',
    summary: 'A step of a workflow is done',
    body: workflowStepCompleted.data.omit({ workflowId: true }),
    command: (data) => ({ kind: 'complete-step', ...data }),
    done: 'Recorded',
  }),
  command({
    name: 'failWorkflowStep',
    path: '/workflows/{workflowId}/failures',
    summary: 'A step of a workflow could not be done',
    body: workflowStepFailed.data.omit({ workflowId: true }),
    command: (data) => ({ kind: 'fail-step', ...data }),
    done: 'Recorded',
  }),
];
