import * as z from 'zod';
import { approver } from '../core/events/approval.ts';
import { id } from '../core/events/envelope.ts';

/** Most steps of one workflow. It ends a circle of next steps. */
export const MAX_STEPS = 100;
/** Most attempts at a step after the first. */
export const MAX_RETRIES = 10;
export const DAY_SECONDS = 24 * 3600;

/** The end of the item that waits for the approval of a step: `deploy:ok`. */
export const APPROVAL = ':ok';

const deadlineSeconds = z
  .int()
  .positive()
  .max(30 * DAY_SECONDS)
  .default(DAY_SECONDS);

const approval = z.strictObject({
  by: approver.describe('The group, role or person that decides'),
  deadlineSeconds,
  otherwise: z.enum(['fail', 'approve']).default('fail').describe('What counts when nobody decides in time'),
});

const plannedStep = z.strictObject({
  name: id
    .pipe(z.string().max(120))
    .refine((name) => !/:\d+$/.test(name), 'ends like the second run of a step, such as review:2')
    .refine((name) => !name.endsWith(APPROVAL), `ends with ${APPROVAL}, like the approval of a step`),
  agentType: z.string().min(1).max(128),
  deadlineSeconds,
  retries: z.int().nonnegative().max(MAX_RETRIES).default(0),
  approval: approval.exactOptional().describe('A person has to approve before the step is assigned'),
});

/** The plan of a workflow, `parameters.plan`: its steps in order. With a plan, the saga drives the workflow. */
export const workflowPlan = z
  .array(plannedStep)
  .min(1)
  .max(MAX_STEPS)
  .refine((steps) => new Set(steps.map(({ name }) => name)).size === steps.length, 'names a step twice');
