import * as z from 'zod';
import { amount } from './amount.ts';
import { defineEvent } from './define.ts';
import { id } from './envelope.ts';

/** The aggregate type of the streams of budgets: `budget-<scope>:<name>`. */
export const BUDGET_STREAMS = 'budget';

/** What a budget is of: a word of the application. */
export const budgetScope = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits and -');

/** What a budget limits. */
export const budgetMeasures = ['usd', 'tokens', 'steps', 'minutes'] as const;

/** Amounts by measure. */
export const budgetAmounts = z.strictObject({
  usd: amount.optional().describe('US dollars'),
  tokens: amount.optional().describe('Tokens that models read and wrote, cached ones included'),
  steps: amount.optional().describe('Recorded steps'),
  minutes: amount.optional().describe('Minutes of work: the sum of the durations of the steps'),
});

/** The limits of a budget: it is spent when one of them is reached. */
export const budgetLimits = budgetAmounts.refine(
  (limits) => Object.values(limits).some((limit) => limit !== undefined),
  'needs a limit of usd, tokens, steps or minutes',
);

/** The share of a limit at which a budget warns. */
export const warnAt = z.number().min(0).max(1);

/** The budget that a request of work brings. */
export const budgetRequest = budgetAmounts
  .extend({ warnAt: warnAt.optional().describe('The share of a limit at which to warn; 0.8 when absent') })
  .refine(
    ({ warnAt: _, ...limits }) => budgetLimits.safeParse(limits).success,
    'needs a limit of usd, tokens, steps or minutes',
  );

const measures = z.array(z.enum(budgetMeasures)).min(1);
const reached = {
  budgetId: id,
  measures: measures.describe('The measures that reached it'),
  spent: budgetAmounts.describe('What was counted then, of each limited measure'),
  day: z.iso.date().optional().describe('The UTC day, of a budget of each day'),
};

const common = {
  kind: 'domain',
  access: 'internal',
  version: 1,
  aggregateType: BUDGET_STREAMS,
  streamIds: ['budgetId'],
  sensitive: [],
} as const;

export const budgetSet = defineEvent({
  ...common,
  type: 'budget.set',
  description: 'A budget got its limits.',
  data: z.strictObject({
    budgetId: id,
    scope: budgetScope,
    name: z.string(),
    standing: z.boolean().describe('Whether it is of more than a single piece of work'),
    limits: budgetLimits,
    warnAt,
  }),
});

export const budgetWarned = defineEvent({
  ...common,
  type: 'budget.warned',
  description: 'What is spent of a budget reached the share at which it warns.',
  data: z.strictObject(reached),
});

export const budgetSpent = defineEvent({
  ...common,
  type: 'budget.spent',
  description:
    'A limit of a budget is reached. Until an operator raises it, claims are refused, and the saga of its work stops.',
  data: z.strictObject(reached),
});

export const budgetRaised = defineEvent({
  ...common,
  type: 'budget.raised',
  description: 'An operator raised limits of a budget.',
  data: z.strictObject({
    budgetId: id,
    limits: budgetLimits.describe('All limits from then on'),
    by: z.string().min(1).max(128).describe('The operator'),
    reason: z.string().min(1).max(1024),
  }),
  sensitive: ['reason'],
});

/** The events of every budget. */
export const budgetEvents = [budgetSet, budgetWarned, budgetSpent, budgetRaised] as const;
