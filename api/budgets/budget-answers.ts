import * as z from 'zod';
import { ID_PATTERN } from '../../core/base/stream-id.ts';
import { budgetAmounts, budgetLimits, budgetScope, warnAt } from '../../core/events/budget.ts';
import { id } from '../../core/events/envelope.ts';
import { timesSchema } from '../../core/projections/times.ts';
import { nextPage } from '../http/page.ts';

/** The id of a budget in a path. */
export const budgetParams = z.object({
  budgetId: z.string().regex(ID_PATTERN).describe('`task:<taskId>`, `agent-type:<type>`, `tenant:main` or `day:main`'),
});

/** The body of a request for a budget. */
export const setBudgetBody = z.strictObject({
  limits: budgetLimits,
  warnAt: warnAt.optional().describe('The share of a limit at which to warn; 0.8 when absent'),
});

/** The body of a request to raise a budget. */
export const raiseBudgetBody = z.strictObject({
  limits: budgetLimits.describe('The limits that change, each higher than before'),
  by: z.string().min(1).max(128).describe('Who raises it'),
  reason: z.string().min(1).max(1024),
});

/** The answer to a change of a budget. */
export const budgetAnswer = z.strictObject({
  budgetId: id,
  limits: budgetAmounts,
  warnAt,
  version: z.int().positive(),
});

/** A budget with what is spent of it. */
export const budget = z
  .strictObject({
    ...timesSchema,
    budgetId: id,
    scope: budgetScope,
    name: z.string().describe('The task, the type of agents, or the tenant'),
    limits: budgetAmounts,
    warnAt,
    spent: budgetAmounts.describe('Counted until now; of a day budget, on this UTC day. A moment behind the events'),
    share: z.number().nonnegative().describe('The largest share of a limit that is spent; 1 is all of it'),
    state: z
      .enum(['open', 'warned', 'spent'])
      .describe('`spent`: claims are refused, until an operator raises the budget'),
    raised: z
      .strictObject({ by: z.string(), reason: z.string(), at: z.string() })
      .exactOptional()
      .describe('The last raise'),
    version: z.int().positive().describe('The sequence number of the last event of the budget'),
  })
  .meta({ id: 'Budget' });
export type BudgetAnswer = z.output<typeof budget>;

/** A page of budgets. */
export const budgetsPage = z.strictObject({ budgets: z.array(budget), next: nextPage });
