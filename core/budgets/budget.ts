import { createHash } from 'node:crypto';
import type * as z from 'zod';
import { CommandRejectedError, NotFoundError } from '../base/errors.ts';
import { ID_PATTERN } from '../base/stream-id.ts';
import { BUDGET_STREAMS, type budgetAmounts, budgetMeasures } from '../events/budget.ts';
import type { DomainEvent, EventData, NewEvent } from '../events/catalogue.ts';
import type { DecideContext, Decider } from '../state/decider.ts';

/** Amounts by measure; an absent measure has no limit, or is not counted. */
export type BudgetAmounts = z.output<typeof budgetAmounts>;
export type BudgetMeasure = (typeof budgetMeasures)[number];

type BudgetEvent = 'budget.set' | 'budget.warned' | 'budget.spent' | 'budget.raised';

/** The share of a limit at which a budget warns, where nothing else is said. */
export const DEFAULT_WARN_AT = 0.8;

/** How far a budget is spent. */
export type BudgetLevel = 'open' | 'warned' | 'spent';

/** The limits of a budget. */
export interface Budget {
  /** What it is of: a word of the application, and a name. */
  readonly scope: string;
  readonly name: string;
  /** Whether it is of more than a single piece of work. */
  readonly standing: boolean;
  readonly limits: BudgetAmounts;
  readonly warnAt: number;
  /** How far it was spent at the last event. */
  readonly level: BudgetLevel;
  /** The UTC day of the level, of a budget of each day. On other days its level is `open`. */
  readonly day?: string | undefined;
}

/** The state of a budget; undefined before its limits are set. */
export interface BudgetState {
  readonly budget?: Budget;
}

/** A command of a budget. */
export type BudgetCommand =
  /** Sets limits that a budget does not have yet: for the request of other work, which may be delivered twice. */
  | ({ readonly kind: 'begin' } & Omit<Budget, 'level' | 'day'>)
  /** Sets limits, none higher than before. */
  | ({ readonly kind: 'set' } & Omit<Budget, 'level' | 'day'>)
  | { readonly kind: 'raise'; readonly limits: BudgetAmounts; readonly by: string; readonly reason: string }
  /** What is counted now. `day` is the UTC day of the counts, of a budget of each day. */
  | { readonly kind: 'count'; readonly spent: BudgetAmounts; readonly day?: string | undefined };

/** The id of a budget: `<scope>:<name>`, the name hashed where that is no id. */
export function budgetIdOf(scope: string, name: string): string {
  const id = `${scope}:${name}`;
  return ID_PATTERN.test(id) ? id : `${scope}:${createHash('sha256').update(name).digest('hex')}`;
}

/** The measures whose limit is reached. */
export const spentOf = ({ limits }: Pick<Budget, 'limits'>, spent: BudgetAmounts): BudgetMeasure[] =>
  reached(limits, spent, 1);

/** The measures of which the share is reached at which the budget warns. */
export const warnedOf = ({ limits, warnAt }: Pick<Budget, 'limits' | 'warnAt'>, spent: BudgetAmounts) =>
  reached(limits, spent, warnAt);

/** The level of a budget on a day. */
export const levelOn = ({ level, day }: Pick<Budget, 'level' | 'day'>, today: string | undefined): BudgetLevel =>
  day === today ? level : 'open';

/**
 * A budget as a decider over its history. It warns once and is spent once, until its limits change: then it is counted
 * anew. A budget of each day begins anew with each UTC day.
 */
export const budgetDecider: Decider<BudgetState, BudgetCommand, BudgetEvent> = {
  aggregateType: BUDGET_STREAMS,
  initialState: {},
  decide,
  evolve,
};

function decide({ budget }: BudgetState, command: BudgetCommand, { id }: DecideContext): NewEvent<BudgetEvent>[] {
  switch (command.kind) {
    case 'begin':
      return budget ? [] : [set(id, command)];
    case 'set':
      return budget ? change(id, budget, command) : [set(id, command)];
    case 'raise':
      if (!budget) throw new NotFoundError(`there is no budget ${id}`);
      return [raise(id, budget, command)];
    case 'count':
      return budget ? count(id, budget, command) : [];
  }
}

function set(
  budgetId: string,
  { scope, name, standing, limits, warnAt }: Omit<Budget, 'level'>,
): NewEvent<'budget.set'> {
  return { type: 'budget.set', data: { budgetId, scope, name, standing, limits, warnAt } };
}

/** @throws CommandRejectedError for a higher limit, or for one fewer: who raises a budget leaves a name and a reason */
function change(
  id: string,
  before: Budget,
  command: Extract<BudgetCommand, { kind: 'set' }>,
): NewEvent<'budget.set'>[] {
  const { limits, warnAt } = command;
  const raised = budgetMeasures.find((measure) => (limits[measure] ?? Infinity) > (before.limits[measure] ?? Infinity));
  if (raised) {
    throw new CommandRejectedError(
      `budget ${id} has a limit of ${before.limits[raised]} ${raised}; POST /budgets/${id}/raises raises it`,
    );
  }
  const isSame =
    warnAt === before.warnAt && budgetMeasures.every((measure) => limits[measure] === before.limits[measure]);
  return isSame ? [] : [set(id, { ...before, limits, warnAt })];
}

/** @throws CommandRejectedError for a limit that is not higher than before */
function raise(
  budgetId: string,
  { limits: before }: Budget,
  { limits: raised, by, reason }: Extract<BudgetCommand, { kind: 'raise' }>,
): NewEvent<'budget.raised'> {
  for (const measure of budgetMeasures) {
    const [limit, to] = [before[measure], raised[measure]];
    if (to === undefined || (limit !== undefined && to > limit)) continue;
    const has = limit === undefined ? `no limit of ${measure}` : `a limit of ${limit} ${measure}`;
    throw new CommandRejectedError(`budget ${budgetId} has ${has}, which ${to} does not raise`);
  }
  return { type: 'budget.raised', data: { budgetId, limits: { ...before, ...raised }, by, reason } };
}

function count(
  budgetId: string,
  budget: Budget,
  { spent: counted, day }: Extract<BudgetCommand, { kind: 'count' }>,
): NewEvent<'budget.warned' | 'budget.spent'>[] {
  // A count of an earlier day comes late, and says nothing about this day.
  if (day !== undefined && budget.day !== undefined && day < budget.day) return [];
  const level = levelOn(budget, day);
  const spent = Object.fromEntries(
    budgetMeasures.flatMap((measure) =>
      budget.limits[measure] === undefined ? [] : [[measure, counted[measure] ?? 0]],
    ),
  ) as BudgetAmounts;
  const data = { budgetId, spent, ...(day === undefined ? {} : { day }) };
  const over = spentOf(budget, spent);
  if (over.length > 0) return level === 'spent' ? [] : [{ type: 'budget.spent', data: { ...data, measures: over } }];
  const near = warnedOf(budget, spent);
  return near.length > 0 && level === 'open' ? [{ type: 'budget.warned', data: { ...data, measures: near } }] : [];
}

const reached = (limits: BudgetAmounts, spent: BudgetAmounts, share: number): BudgetMeasure[] =>
  budgetMeasures.filter((measure) => {
    const limit = limits[measure];
    return limit !== undefined && (spent[measure] ?? 0) >= limit * share;
  });

function evolve({ budget }: BudgetState, event: DomainEvent<BudgetEvent>): BudgetState {
  const next = evolveBudget(budget, event);
  return next ? { budget: next } : {};
}

/** A budget after an event of its history. */
export function evolveBudget(budget: Budget | undefined, event: DomainEvent<BudgetEvent>): Budget | undefined {
  if (event.type === 'budget.set') {
    const { budgetId: _, ...data } = event.data;
    return { ...data, level: 'open' };
  }
  if (!budget) return undefined;
  switch (event.type) {
    case 'budget.raised':
      return { ...budget, limits: event.data.limits, level: 'open', day: undefined };
    case 'budget.warned':
      return at(budget, 'warned', event.data);
    case 'budget.spent':
      return at(budget, 'spent', event.data);
  }
}

const at = (budget: Budget, level: BudgetLevel, { day }: EventData<'budget.spent'>): Budget => ({
  ...budget,
  level,
  day,
});
