import type { Annals } from '../application/define-annals.ts';
import { diffQueries } from './aggregates/diff/diff-queries.ts';
import { budgetQueries } from './budgets/budget-queries.ts';
import { commandRoutes } from './commands.ts';
import { asyncApiRoute } from './event-types/async-api-route.ts';
import { eventTypeQueries } from './event-types/event-type-queries.ts';
import type { AppDeps } from './http/app.ts';
import { openApiRoute } from './http/openapi.ts';
import type { Route } from './http/route.ts';
import { type LogDeps, logQueries } from './log/log-queries.ts';
import { type DeadLetterDeps, deadLetterQueries } from './operations/dead-letter-routes.ts';
import { type OperationDeps, operationQueries } from './operations/operation-queries.ts';
import { operationRoutes } from './operations/operations.ts';
import { approvalQueries } from './sagas/approval-queries.ts';
import { sagaQueries } from './sagas/saga-queries.ts';
import { scheduleQueries } from './schedules/schedule-queries.ts';
import { streamQueries } from './streams/stream-queries.ts';
import { tagQueries } from './streams/tag-queries.ts';
import { pastQueries } from './views/past-queries.ts';
import { streamList } from './views/stream-list.ts';
import { type ViewDeps, viewQueries } from './views/view-queries.ts';
import { workRoutes } from './work.ts';

/** The parts that the reading routes need. */
export interface QueryDeps extends AppDeps, LogDeps, ViewDeps, OperationDeps, DeadLetterDeps {}

/** The routes of an application that read, without the document. */
export const readingRoutes = (annals: Annals): readonly Route<QueryDeps>[] => [
  ...streamList,
  ...streamQueries(annals.catalogue),
  ...tagQueries(annals.catalogue),
  ...eventTypeQueries,
  asyncApiRoute(annals),
  ...logQueries(annals.catalogue),
  ...viewQueries(annals.aggregates),
  ...pastQueries,
  ...diffQueries(annals),
  ...sagaQueries(annals.catalogue, annals.sagas),
  ...approvalQueries,
  ...scheduleQueries,
  ...budgetQueries(annals),
  ...deadLetterQueries,
  ...operationQueries,
];

/** Every route of an application that reads, and `GET /openapi.json`, which describes all routes. */
export function queryRoutes(annals: Annals): readonly Route<QueryDeps>[] {
  const answers = readingRoutes(annals);
  return [
    ...answers,
    openApiRoute(annals, [...commandRoutes(annals), ...operationRoutes, ...workRoutes(annals), ...answers]),
  ];
}
