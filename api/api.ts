import { type App, createApp } from './app.ts';
import type { CommandDeps } from './command.ts';
import { commandRoutes } from './commands.ts';
import { addLogStream } from './log-stream.ts';
import { type OperateDeps, operationRoutes } from './operations.ts';
import { type QueryDeps, queryRoutes } from './queries.ts';

export type ApiDeps = CommandDeps & OperateDeps & QueryDeps;

/**
 * The whole HTTP API, the stream of the log included. Where one process serves reads and another writes, give `createApp`
 * the routes of each: `queryRoutes`, `commandRoutes` or `operationRoutes`.
 */
export function createApi(deps: ApiDeps): App {
  const app = createApp<ApiDeps>([...commandRoutes, ...operationRoutes, ...queryRoutes], deps);
  addLogStream(app, deps);
  return app;
}

/** The routes as the deployment has to know them. */
export const routeList = [...commandRoutes, ...operationRoutes, ...queryRoutes].map(
  ({ method, path, auth = true }) => ({
    method,
    path,
    auth,
  }),
);
