import * as z from 'zod';
import { defineEvent } from '../core/events/define.ts';
import { id } from '../core/events/envelope.ts';
import { instant } from '../core/events/instant.ts';
import { json, jsonObject } from '../core/events/json.ts';
import { storedForms } from '../core/events/stored-form.ts';
import { workflowPlan } from './workflow-plan.ts';

/** Facts about a workflow. A `plan` among them has to be one that the saga can drive, or nobody would drive it. */
const parameters = jsonObject.superRefine(({ plan }, context) => {
  if (plan === undefined) return;
  for (const { path, message } of workflowPlan.safeParse(plan).error?.issues ?? []) {
    context.addIssue({ code: 'custom', path: ['plan', ...path], message });
  }
});

parameters.register(storedForms, { form: 'object' });

export const workflowStarted = defineEvent({
  type: 'workflow.started',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'workflow',
  streamIds: ['workflowId'],
  description: 'A sequence of steps began.',
  data: z.strictObject({
    workflowId: id,
    workflowType: z.string().min(1).max(128),
    initiatedBy: z.string().min(1).max(128),
    parameters,
  }),
  sensitive: ['parameters'],
});

export const workflowStepCompleted = defineEvent({
  type: 'workflow.step-completed',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'workflow',
  streamIds: ['workflowId'],
  description: 'A step of a workflow is done. Without `nextStep` it is the last step so far.',
  data: z.strictObject({
    workflowId: id,
    stepId: id,
    stepType: z.string().min(1).max(256),
    output: json,
    nextStep: z.string().min(1).max(256).optional(),
  }),
  sensitive: ['output'],
});

export const workflowStepAssigned = defineEvent({
  type: 'workflow.step-assigned',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'workflow',
  streamIds: ['workflowId'],
  description: 'A step of a workflow waits for an agent of a type.',
  data: z.strictObject({
    workflowId: id,
    stepId: id,
    stepType: z.string().min(1).max(256),
    agentType: z.string().min(1).max(128),
    attempt: z.int().positive(),
    deadline: instant,
  }),
  sensitive: [],
});

export const workflowStepFailed = defineEvent({
  type: 'workflow.step-failed',
  kind: 'domain',
  access: 'open',
  version: 1,
  aggregateType: 'workflow',
  streamIds: ['workflowId'],
  description: 'A step of a workflow could not be done.',
  data: z.strictObject({
    workflowId: id,
    stepId: id,
    attempt: z.int().positive().optional().describe('The attempt that failed; the latest when absent'),
    error: z.union([z.string().min(1).max(16_384), jsonObject]),
  }),
  sensitive: ['error'],
});

export const workflowStepCompensated = defineEvent({
  type: 'workflow.step-compensated',
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: 'workflow',
  streamIds: ['workflowId'],
  description: 'A step of a failed workflow is compensated: agents of its type undo their work.',
  data: z.strictObject({ workflowId: id, stepId: id, reason: z.string().min(1).max(1024) }),
  sensitive: ['reason'],
});

export const workflowEvents = [
  workflowStarted,
  workflowStepAssigned,
  workflowStepCompleted,
  workflowStepFailed,
  workflowStepCompensated,
] as const;
