import application from '#application';
import { mcpRoutes, type ToolDeps } from '../api/tools.ts';
import { compileLater } from '../core/schemas/compile-later.ts';
import { DEFAULT_CACHE_BYTES } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { appDeps, httpHandler } from './runtime/handlers.ts';
import { readingParts } from './runtime/reading.ts';
import { metrics, readEnvironment, tracer } from './runtime/stage.ts';

const { histories, reading } = readingParts(readEnvironment('mcp'), compileLater);

const deps: ToolDeps = {
  ...appDeps,
  ...reading,
  states: new StateReader({ ...histories, cacheBytes: DEFAULT_CACHE_BYTES, metrics }),
  aggregates: application.aggregates,
  trace: () => tracer.header,
};

/** Answers agents over MCP. Their tools read and write, so this function alone has the permissions of both. */
export const handler = httpHandler(mcpRoutes(application), deps);
