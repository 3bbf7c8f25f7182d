import { type App, createApp } from './app.ts';
import type { CommandDeps } from './command.ts';
import { commandRoutes } from './commands.ts';
import { type OperateDeps, operationRoutes } from './operations.ts';
import { type QueryDeps, queryRoutes } from './queries.ts';

export type ApiDeps = CommandDeps & OperateDeps & QueryDeps;

/**
 * The whole HTTP API. Where one process serves reads and another writes, give `createApp` the routes of each:
 * `queryRoutes`, `commandRoutes` or `operationRoutes`.
 */
export function createApi(deps: ApiDeps): App {
  return createApp<ApiDeps>([...commandRoutes, ...operationRoutes, ...queryRoutes], deps);
}

/** The routes as the deployment has to know them. */
export const routeList = [...commandRoutes, ...operationRoutes, ...queryRoutes].map(
  ({ method, path, auth = true }) => ({
    method,
    path,
    auth,
  }),
);
