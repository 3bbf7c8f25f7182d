import * as z from 'zod';
import { id } from '../core/events/envelope.ts';

/** Most steps of one workflow. It ends a circle of next steps. */
export const MAX_STEPS = 100;
/** Most attempts at a step after the first. */
export const MAX_RETRIES = 10;
export const DAY_SECONDS = 24 * 3600;

const plannedStep = z.strictObject({
  name: id
    .pipe(z.string().max(120))
    .refine((name) => !/:\d+$/.test(name), 'ends like the second run of a step, such as review:2'),
  agentType: z.string().min(1).max(128),
  deadlineSeconds: z
    .int()
    .positive()
    .max(30 * DAY_SECONDS)
    .default(DAY_SECONDS),
  retries: z.int().nonnegative().max(MAX_RETRIES).default(0),
});

/** The plan of a workflow, `parameters.plan`: its steps in order. With a plan, the saga drives the workflow. */
export const workflowPlan = z
  .array(plannedStep)
  .min(1)
  .max(MAX_STEPS)
  .refine((steps) => new Set(steps.map(({ name }) => name)).size === steps.length, 'names a step twice');
