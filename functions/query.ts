import { createApp } from '../api/http/app.ts';
import { queryRoutes } from '../api/queries.ts';
import { httpHandler, queryDeps } from './runtime.ts';

/** Every request that reads: views, streams, what the service says of itself. */
export const handler = httpHandler(createApp(queryRoutes, queryDeps()));
