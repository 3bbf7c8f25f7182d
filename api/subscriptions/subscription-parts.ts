import { ulids } from '../../core/base/new-id.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { ControlStore } from '../../core/store/control-store.ts';
import { SubscriptionOperations } from '../../core/subscriptions/operations.ts';
import { Subscriptions } from '../../core/subscriptions/subscriptions.ts';
import type { CommandDeps } from '../http/command.ts';
import type { Route } from '../http/route.ts';
import type { LogDeps } from '../log/log-queries.ts';
import { type KeyedDeps, keyedOperation } from '../operations/keyed-operations.ts';
import type { ListDeps } from '../views/lists.ts';

/** The parts that the routes of subscriptions need. */
export interface SubscriptionDeps extends CommandDeps, LogDeps, ListDeps {
  readonly workItems: ControlStore;
  /** Whether this host pushes events. A host that does not refuses such settings, so that no event waits unnoticed. */
  readonly pushes?: boolean;
}

interface Made {
  readonly subscriptions: Subscriptions;
  readonly operations: SubscriptionOperations;
}

/** A process has its subscriptions once: its consumers wake each other, and do not race. */
const made = new WeakMap<ControlStore, Made>();

/** The subscriptions of a process. */
export function subscriptionsOf({
  workItems,
  log,
  store,
  states = new StateReader({ store }),
}: SubscriptionDeps): Made {
  const known = made.get(workItems);
  if (known) return known;
  const parts = { control: workItems, log, store, states, newId: ulids() };
  const subscriptions = new Subscriptions(parts);
  const making = { subscriptions, operations: new SubscriptionOperations(subscriptions, parts) };
  made.set(workItems, making);
  return making;
}

/** The same route; a repeat under its idempotency key gets the first answer. */
export function keyed(route: Route<SubscriptionDeps>): Route<SubscriptionDeps> {
  const { respond, ...declaration } = keyedOperation<SubscriptionDeps & KeyedDeps>(route);
  return { ...declaration, respond: (request, deps) => respond(request, { ...deps, control: deps.workItems }) };
}
