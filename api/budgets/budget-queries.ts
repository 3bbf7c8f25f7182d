import * as z from 'zod';
import type { Annals } from '../../application/define-annals.ts';
import { NotFoundError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import { type BudgetAmounts, levelOn } from '../../core/budgets/budget.ts';
import { type CountingStores, countedDay, SpentReader } from '../../core/budgets/counting.ts';
import { type BudgetView, budgetList } from '../../core/budgets/list.ts';
import { BUDGET_STREAMS, budgetMeasures, budgetScope } from '../../core/events/budget.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { limit } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import { type ListDeps, listCursor, listViews } from '../views/lists.ts';
import { type BudgetAnswer, budget, budgetParams, budgetsPage } from './budget-answers.ts';

type BudgetDeps = ListDeps & CountingStores & { readonly store: EventStore };

/** The routes that read budgets; none in an application without budgets. */
export function budgetQueries({ budgets: counting }: Pick<Annals, 'budgets'>): readonly Route<BudgetDeps>[] {
  if (!counting) return [];
  return [
    route({
      name: 'listBudgets',
      method: 'GET',
      path: '/budgets',
      summary: 'List budgets with what is spent of them, of one scope or of all',
      description: 'The list may be a moment behind.',
      query: z.object({ scope: budgetScope.optional(), limit, cursor: listCursor(budgetList.group.values) }),
      answer: budgetsPage,
      statuses: { 200: 'A page of budgets' },
      async handle({ query: { scope, limit, cursor } }, deps: BudgetDeps) {
        const { views, next } = await listViews(budgetList, deps, { limit, cursor, filters: { scope } }, SCOPE);
        const now = new Date();
        const reader = new SpentReader(counting, deps, now);
        const budgets = await Promise.all(
          views.map(async (view) => answerOf(view, await reader.spent(view), countedDay(counting, view, now))),
        );
        return { status: 200, body: { budgets, next } };
      },
    }),
    route({
      name: 'getBudget',
      method: 'GET',
      path: '/budgets/{budgetId}',
      summary: 'A budget: its limits, and what is spent of them',
      description:
        'Limits and state are read from the history of the budget. What is spent is a moment behind the events.',
      params: budgetParams,
      answer: budget,
      statuses: { 200: 'The budget' },
      errors: ['NOT_FOUND', 'CORRUPT_DATA'],
      async handle({ params: { budgetId } }, deps: BudgetDeps) {
        let view: BudgetView | undefined;
        let version = 0;
        for await (const event of deps.store.read(streamId(BUDGET_STREAMS, budgetId))) {
          view = budgetList.evolve(view, event as never);
          version = event.sequenceNumber;
        }
        if (!view) throw new NotFoundError(`there is no budget ${budgetId}`);
        const now = new Date();
        const spent = await new SpentReader(counting, deps, now).spent(view);
        return { status: 200, body: answerOf({ ...view, version }, spent, countedDay(counting, view, now)) };
      },
    }),
  ];
}

const SCOPE = { scope: (view: BudgetView, scope: string) => view.scope === scope };

function answerOf(
  { level, day, standing: _, ...view }: BudgetView & { readonly version: number },
  counted: BudgetAmounts,
  today: string | undefined,
): BudgetAnswer {
  const limited = budgetMeasures.filter((measure) => view.limits[measure] !== undefined);
  const spent = Object.fromEntries(limited.map((measure) => [measure, Math.max(counted[measure] ?? 0, 0)]));
  const shares = limited.map((measure) => shareOf(spent[measure] ?? 0, view.limits[measure] ?? 0));
  const state = levelOn({ level, day }, today);
  return { ...view, spent, share: Math.max(...shares), state };
}

/** A limit of 0 is reached before anything is spent. */
const shareOf = (spent: number, limit: number): number => (limit === 0 ? 1 : spent / limit);
