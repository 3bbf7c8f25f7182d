import { createApp } from '../api/http/app.ts';
import { operationRoutes } from '../api/operations/operations.ts';
import { httpHandler, operateDeps } from './runtime.ts';

/** Every request of operators that changes views and no events: rebuilds, replays, redrives. */
export const handler = httpHandler(createApp(operationRoutes, operateDeps()));
