import { commandRoutes } from '../api/commands.ts';
import { createApp } from '../api/http/app.ts';
import { commandDeps, httpHandler } from './runtime.ts';

/** Every request that writes: decides on a stream's history and appends to it. */
export const handler = httpHandler(createApp(commandRoutes, commandDeps()));
