import type { Annals } from '../application/define-annals.ts';
import { commandRoutes } from './commands.ts';
import { type App, createApp } from './http/app.ts';
import type { CommandDeps } from './http/command.ts';
import { openApiRoute } from './http/openapi.ts';
import { addLogStream, logStreamRoute } from './log/log-stream.ts';
import { addMetricsText, type MetricsTextDeps, metricsTextRoute } from './operations/metrics-text.ts';
import { type OperateDeps, operationRoutes } from './operations/operations.ts';
import { type TraceDeps, traceQueries } from './operations/trace-queries.ts';
import { type QueryDeps, readingRoutes } from './queries.ts';
import { mcpRoutes } from './tools.ts';
import { type WorkDeps, workRoutes } from './work.ts';

/** The parts that the whole API needs. */
export type ApiDeps = CommandDeps & OperateDeps & QueryDeps & WorkDeps & TraceDeps & MetricsTextDeps;

/**
 * The whole HTTP API, with the stream of the log and the text of the metrics, for a process that serves all of it and
 * sees all its traces. Where one process serves reads and another writes, give `createApp` the routes of each:
 * `queryRoutes`, `commandRoutes`, `workRoutes` or `operationRoutes`.
 */
export function createApi(annals: Annals, deps: ApiDeps): App {
  const routes = [
    ...commandRoutes(annals),
    ...operationRoutes,
    ...workRoutes(annals),
    ...readingRoutes(annals),
    ...traceQueries,
    ...mcpRoutes(annals),
  ];
  const streamed = deps.metricsText ? [logStreamRoute, metricsTextRoute] : [logStreamRoute];
  const app = createApp<ApiDeps>([...routes, openApiRoute(annals, routes, streamed)], deps);
  addLogStream(app, deps);
  addMetricsText(app, deps);
  return app;
}
