import application from '#application';
import { Budgets } from '../../core/budgets/budgets.ts';
import { StandingBudgets } from '../../core/budgets/standing.ts';
import type { SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import type { Generations } from '../../core/replays/generations.ts';
import type { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { lines } from './stage.ts';

/** A warm function notices at most this late that a budget of more than one task was set; see docs/budgets.md. */
const STANDING_MAX_AGE_MS = 5_000;

interface Stores {
  readonly store: EventStore;
  readonly states: StateReader;
  readonly views: ViewStore;
  readonly sharedViews: SharedViewStore;
  readonly generations: Generations;
}

/** The budgets of the application; undefined without. */
export function budgetsOf({ views, ...stores }: Stores): Budgets | undefined {
  const { budgets: counting } = application;
  if (!counting) return undefined;
  const { generations } = stores;
  return new Budgets({
    ...stores,
    counting,
    standing: new StandingBudgets({ views, generations, maxAgeMs: STANDING_MAX_AGE_MS }),
    onFault: lines.budgetUncounted,
  });
}
