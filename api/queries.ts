import type { AppDeps } from './app.ts';
import { commandRoutes } from './commands.ts';
import { type DeadLetterDeps, deadLetterQueries } from './dead-letter-routes.ts';
import { forkQueries } from './fork-queries.ts';
import { type LogDeps, logQueries } from './log-queries.ts';
import { openApiRoute } from './openapi.ts';
import { type OperationDeps, operationQueries } from './operation-queries.ts';
import { operationRoutes } from './operations.ts';
import { pastQueries } from './past-queries.ts';
import type { Route } from './route.ts';
import { sagaQueries } from './saga-queries.ts';
import { streamQueries } from './stream-queries.ts';
import { type ViewDeps, viewQueries } from './view-queries.ts';

/** What the routes that read need. */
export interface QueryDeps extends AppDeps, LogDeps, ViewDeps, OperationDeps, DeadLetterDeps {}

const answers: readonly Route<QueryDeps>[] = [
  ...streamQueries,
  ...logQueries,
  ...viewQueries,
  ...pastQueries,
  ...forkQueries,
  ...sagaQueries,
  ...deadLetterQueries,
  ...operationQueries,
];

/** Every route that reads, `GET /openapi.json` (which describes those that write, too) among them. */
export const queryRoutes: readonly Route<QueryDeps>[] = [
  ...answers,
  openApiRoute([...commandRoutes, ...operationRoutes, ...answers]),
];
