import type { DomainEvent } from '../events/catalogue.ts';
import { defineProjection } from '../projections/projection.ts';
import { firstSeen, seen, type Times } from '../projections/times.ts';
import { type Budget, evolveBudget } from './budget.ts';

/** The view of a budget, without what is spent: that is counted when it is asked for. */
export interface BudgetView extends Times, Budget {
  readonly budgetId: string;
  /** The last raise. */
  readonly raised?: { readonly by: string; readonly reason: string; readonly at: string };
}

/** The group of the budgets that are of more than a single piece of work. */
export const STANDING = 'standing';

/** The projection of all budgets; every application has it. */
export const budgetList = defineProjection({
  name: 'budgets',
  aggregateType: 'budget',
  types: ['budget.set', 'budget.warned', 'budget.spent', 'budget.raised'],
  group: { of: ({ standing }: BudgetView) => (standing ? STANDING : 'work'), values: [STANDING, 'work'] },
  evolve(
    view: BudgetView | undefined,
    event: DomainEvent<'budget.set' | 'budget.warned' | 'budget.spent' | 'budget.raised'>,
  ): BudgetView {
    const times = view ?? firstSeen(event);
    // Only `budget.set` begins the stream of a budget.
    const budget = evolveBudget(view, event) ?? NONE;
    const raised =
      event.type === 'budget.raised'
        ? { raised: { by: event.data.by, reason: event.data.reason, at: event.timestamp } }
        : {};
    return { ...view, ...budget, budgetId: event.aggregateId, ...seen(times, event), ...raised };
  },
});

const NONE: Budget = { scope: 'none', name: '', standing: false, limits: {}, warnAt: 1, level: 'open' };
