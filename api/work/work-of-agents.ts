import type { Annals } from '../../application/define-annals.ts';
import { workAggregateOf } from '../../application/work.ts';
import type { Route } from '../http/route.ts';
import { claimRoutes } from './claim-routes.ts';
import { inboxRoutes } from './inbox-routes.ts';
import type { AgentWorkDeps } from './work-deps.ts';

/** The routes of work that agents claim; none in an application without such work. */
export function workOfAgents(annals: Annals): readonly Route<AgentWorkDeps>[] {
  const aggregate = workAggregateOf(annals);
  return aggregate ? [...inboxRoutes(aggregate), ...claimRoutes(aggregate)] : [];
}
