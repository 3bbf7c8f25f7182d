import * as z from 'zod';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';
import { jsonObject } from './json.ts';

export const workflowStarted = defineEvent({
  type: 'workflow.started',
  kind: 'domain',
  version: 1,
  aggregateType: 'workflow',
  description: 'A sequence of steps began.',
  data: z.strictObject({
    workflowId: id,
    workflowType: z.string().min(1).max(128),
    initiatedBy: z.string().min(1).max(128),
    parameters: jsonObject,
  }),
  sensitive: ['parameters'],
});

export const workflowStepCompleted = defineEvent({
  type: 'workflow.step-completed',
  kind: 'domain',
  version: 1,
  aggregateType: 'workflow',
  description: 'A step of a workflow is done. One that names no next step is, so far, the last.',
  data: z.strictObject({
    workflowId: id,
    stepId: id,
    stepType: z.string().min(1).max(256),
    output: z.json(),
    nextStep: z.string().min(1).max(256).optional(),
  }),
  sensitive: ['output'],
});

export const workflowEvents = [workflowStarted, workflowStepCompleted] as const;
