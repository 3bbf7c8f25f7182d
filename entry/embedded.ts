/** `annals/embedded`: the parts of one process on a data folder, for hosts that `openAnnals` does not fit. */
export { createEngine, type Engine, type EngineOptions } from '../adapters/embedded/engine/engine.ts';
export { StartupError } from '../adapters/embedded/sqlite/database.ts';
export { consoleLogger } from '../bin/serve/console-logger.ts';
export { type Server, type ServerOptions, startServer } from '../bin/serve/server.ts';
