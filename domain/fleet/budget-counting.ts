import { type BudgetAmounts, budgetIdOf, DEFAULT_WARN_AT } from '../../core/budgets/budget.ts';
import type { BudgetCounting, BudgetSubject } from '../../core/budgets/counting.ts';
import { MILLIONTHS } from '../../core/events/amount.ts';
import { namesOf, pathOf } from '../../core/projections/shared-projection.ts';
import { fleetOverview } from './fleet-overview.ts';

const MS_OF_MINUTE = 60_000;

/** The name of the budgets of all work. A data folder, or a stage on AWS, has one tenant. */
const TENANT = 'main';

/** The members of the view `all` that count by type of agents, as {@link AMOUNTS} are counted elsewhere. */
const BY_TYPE = {
  costUsd: 'costUsdByType',
  tokens: 'tokensByType',
  steps: 'stepsByType',
  durationMs: 'durationMsByType',
} as const;

/**
 * Budgets are counted by the fleet overview: a task by the steps that name it, a type of agents and the tenant by the sums
 * of the whole fleet, and a day by the steps that happened in it.
 */
export const budgetCounting: BudgetCounting = {
  projection: fleetOverview,
  types: ['agent.step-recorded', 'agent.step-withdrawn', 'agent.described', 'agent.created'],
  work: 'task',
  workOf: (event) => {
    const isStep = event.type === 'agent.step-recorded' || event.type === 'agent.step-withdrawn';
    return isStep && event.data.taskId !== undefined ? [event.data.taskId] : [];
  },
  begunBy: ['task.requested'],
  begins: (event) => {
    if (event.type !== 'task.requested' || !event.data.budget) return undefined;
    const { taskId, budget } = event.data;
    const { warnAt = DEFAULT_WARN_AT, ...limits } = budget;
    return { name: taskId, limits, warnAt };
  },
  standing: { 'agent-type': {}, tenant: { only: TENANT }, day: { only: TENANT, daily: true } },
  concerns: ({ scope, name }, { workerType }) => scope !== 'agent-type' || name === workerType,
  keyOf: ({ scope, name }, day) => (scope === 'task' ? budgetIdOf(scope, name) : scope === 'day' ? day : 'all'),
  spent: ({ scope, name }, counters) => {
    const sumOf = (counter: keyof typeof BY_TYPE) => sum(counters, isOf(scope, name, counter));
    return {
      usd: sumOf('costUsd') / MILLIONTHS,
      tokens: sumOf('tokens'),
      steps: sumOf('steps'),
      minutes: sumOf('durationMs') / MS_OF_MINUTE,
    } satisfies BudgetAmounts;
  },
  namedCounter: ({ scope, name }: BudgetSubject) => (scope === 'agent-type' ? [BY_TYPE.steps, name] : undefined),
};

/** Whether a counter counts for a subject. */
function isOf(scope: string, name: string, counter: keyof typeof BY_TYPE): (path: string) => boolean {
  if (scope === 'agent-type') return (path) => path === pathOf([BY_TYPE[counter], name]);
  if (scope === 'tenant') return (path) => namesOf(path)[0] === BY_TYPE[counter];
  return (path) => path === pathOf([counter]);
}

const sum = (counters: ReadonlyMap<string, number>, counts: (path: string) => boolean): number =>
  counters.entries().reduce((total, [path, count]) => (counts(path) ? total + count : total), 0);
