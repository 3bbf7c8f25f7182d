import { type ReplayDeps, replayRoutes } from './replay-routes.ts';
import type { Route } from './route.ts';

/** What the routes of operators need. */
export type OperateDeps = ReplayDeps;

/** Every route by which operators change views: they have a function, and rights, of their own. */
export const operationRoutes: readonly Route<OperateDeps>[] = [...replayRoutes];
