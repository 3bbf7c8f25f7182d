import type { Annals } from '../application/define-annals.ts';
import type { ControlStore } from '../core/store/control-store.ts';
import { budgetCommands } from './budgets/budget-commands.ts';
import type { CommandDeps } from './http/command.ts';
import type { Route } from './http/route.ts';
import type { LogDeps } from './log/log-queries.ts';
import { approvalCommands } from './sagas/approval-commands.ts';
import { sagaSignals } from './sagas/saga-commands.ts';
import { scheduleCommands } from './schedules/schedule-commands.ts';
import { transactionCommands } from './streams/transaction-commands.ts';
import { deliveryRoutes } from './subscriptions/delivery-routes.ts';
import { parkedRoutes } from './subscriptions/parked-routes.ts';
import { subscriptionRoutes } from './subscriptions/subscription-routes.ts';
import type { ViewDeps } from './views/view-queries.ts';
import type { AgentWorkDeps } from './work/work-deps.ts';
import { workOfAgents } from './work/work-of-agents.ts';

/** The parts that the routes of work need: they decide on streams, read views and the log, and keep items beside them. */
export interface WorkDeps extends CommandDeps, LogDeps, ViewDeps, AgentWorkDeps {
  /** Items such as leases. They outlive deleted views. */
  readonly workItems: ControlStore;
  /** Whether this host pushes events of subscriptions. */
  readonly pushes?: boolean;
}

/** The routes by which agents find, take and wait for work. */
export const workRoutes = (annals: Annals): readonly Route<WorkDeps>[] => [
  ...workOfAgents(annals),
  ...approvalCommands,
  ...sagaSignals(annals.sagas),
  ...scheduleCommands(annals),
  ...transactionCommands,
  ...budgetCommands(annals),
  ...subscriptionRoutes,
  ...deliveryRoutes(annals.catalogue),
  ...parkedRoutes,
];
