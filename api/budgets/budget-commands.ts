import type { Annals } from '../../application/define-annals.ts';
import { CommandRejectedError, ValidationError } from '../../core/base/errors.ts';
import { type BudgetCommand, type BudgetState, budgetDecider, DEFAULT_WARN_AT } from '../../core/budgets/budget.ts';
import type { BudgetCounting, BudgetSubject } from '../../core/budgets/counting.ts';
import { CounterNames } from '../../core/projections/counter-names.ts';
import { pathOf } from '../../core/projections/shared-projection.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { type CommandResult, handleCommand } from '../../core/state/decider.ts';
import { appendOptions, type CommandDeps, repeatHeader } from '../http/command.ts';
import { type RequestContext, type Route, route } from '../http/route.ts';
import { budgetAnswer, budgetParams, raiseBudgetBody, setBudgetBody } from './budget-answers.ts';

type BudgetCommandDeps = CommandDeps & { readonly views: ViewStore };

/** The routes that change budgets; none in an application without budgets. */
export function budgetCommands({ budgets: counting }: Pick<Annals, 'budgets'>): readonly Route<BudgetCommandDeps>[] {
  if (!counting) return [];
  return [
    route({
      name: 'setBudget',
      method: 'PUT',
      path: '/budgets/{budgetId}',
      summary: 'Set the budget of a type of agents, of the tenant, or of each UTC day',
      description:
        'All usage counts, also that before the budget was set. Processes notice the budget within 5 seconds. A later request may lower limits; `POST /budgets/{budgetId}/raises` raises them. The budget of a task comes with its request.',
      params: budgetParams,
      body: setBudgetBody,
      answer: budgetAnswer,
      statuses: { 200: 'The budget has these limits' },
      errors: ['COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { budgetId }, body, context }, deps: BudgetCommandDeps) {
        const subject = subjectOf(budgetId, counting);
        await assertCounted(counting, subject, deps.views);
        const { limits, warnAt = DEFAULT_WARN_AT } = body;
        const done = await run(budgetId, { kind: 'set', ...subject, standing: true, limits, warnAt }, context, deps);
        return { status: 200, body: answerOf(budgetId, done) };
      },
    }),
    route({
      name: 'raiseBudget',
      method: 'POST',
      path: '/budgets/{budgetId}/raises',
      summary: 'Raise limits of a budget, with who and why',
      description:
        'A spent budget admits claims again, unless as much is spent already. A saga that the budget has stopped stays stopped.',
      params: budgetParams,
      body: raiseBudgetBody,
      answer: budgetAnswer,
      statuses: { 200: 'The budget has these limits, now or by an earlier request under the same Idempotency-Key' },
      errors: ['NOT_FOUND', 'COMMAND_REJECTED', 'CONCURRENCY_CONFLICT'],
      async handle({ params: { budgetId }, body, context }, deps: BudgetCommandDeps) {
        const done = await run(budgetId, { kind: 'raise', ...body }, context, deps);
        return { status: 200, body: answerOf(budgetId, done), headers: repeatHeader(done.repeated) };
      },
    }),
  ];
}

const run = (budgetId: string, command: BudgetCommand, context: RequestContext, deps: BudgetCommandDeps) =>
  handleCommand(deps.store, budgetDecider, budgetId, command, appendOptions(context, deps));

function answerOf(budgetId: string, { state: { budget }, version }: CommandResult<BudgetState>) {
  const { limits = {}, warnAt = DEFAULT_WARN_AT } = budget ?? {};
  return { budgetId, limits, warnAt, version };
}

/** @throws ValidationError for an id of no standing budget */
function subjectOf(budgetId: string, { standing, work }: BudgetCounting): BudgetSubject {
  const at = budgetId.indexOf(':');
  const [scope, name] = [budgetId.slice(0, at), budgetId.slice(at + 1)];
  const rule = Object.hasOwn(standing, scope) ? standing[scope] : undefined;
  if (rule && name !== '' && (rule.only ?? name) === name) return { scope, name };
  const ids = Object.entries(standing).map(([each, { only = '<name>' }]) => `${each}:${only}`);
  const message = `is to be ${ids.join(' or ')}; a budget of the scope ${work} comes with the request`;
  throw new ValidationError([{ path: 'budgetId', message }]);
}

/**
 * Takes a counter for the name of a subject, while there is one: names without a counter are counted together.
 * @throws CommandRejectedError when all are taken
 */
async function assertCounted(counting: BudgetCounting, subject: BudgetSubject, views: ViewStore): Promise<void> {
  const counter = counting.namedCounter(subject);
  if (!counter) return;
  const path = pathOf(counter);
  const admitted = await new CounterNames(views).admit(
    counting.projection,
    new Map([[counting.keyOf(subject, ''), new Map([[path, 1n]])]]),
  );
  if (admitted.values().some((counters) => counters.has(path))) return;
  throw new CommandRejectedError(
    `${counting.projection.name} counts ${subject.name} together with other names, so that it can have no budget`,
  );
}
