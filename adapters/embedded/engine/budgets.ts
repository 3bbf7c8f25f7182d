import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import { Budgets } from '../../../core/budgets/budgets.ts';
import type { BudgetCounting } from '../../../core/budgets/counting.ts';
import { StandingBudgets } from '../../../core/budgets/standing.ts';
import type { StateReader } from '../../../core/state/state-reader.ts';
import type { EngineStores } from './stores.ts';

interface Parts extends Pick<EngineStores, 'store' | 'views' | 'sharedViews' | 'generations'> {
  readonly counting: BudgetCounting | undefined;
  readonly states: StateReader;
  readonly logger: Logger;
}

/** The budgets of an engine; undefined in an application without budgets. */
export function openBudgets({ counting, logger, ...stores }: Parts): Budgets | undefined {
  if (!counting) return undefined;
  const { store, states, views, sharedViews, generations } = stores;
  return new Budgets({
    ...{ counting, store, states, sharedViews, generations },
    // This process applies every change of a budget, so what it keeps never gets stale.
    standing: new StandingBudgets({ views, generations, maxAgeMs: Number.POSITIVE_INFINITY }),
    onFault: logLines(logger).budgetUncounted,
  });
}
