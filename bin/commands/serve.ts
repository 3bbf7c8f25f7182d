import { type Command, InvalidArgumentError, Option } from 'commander';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { aggregateCommands } from '../../api/aggregates/command-routes.ts';
import { aggregateViews } from '../../api/views/view-routes.ts';
import type { Annals } from '../../application/define-annals.ts';
import { ValidationError } from '../../core/base/errors.ts';
import { consoleLogger } from '../serve/console-logger.ts';
import { hostName } from '../serve/door.ts';
import { type Server, startServer } from '../serve/server.ts';
import { traceEndpointOf } from '../serve/trace-endpoint.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';

interface ServeOptions extends WithApp {
  readonly port: number;
  readonly data: string;
  readonly allowHost: readonly string[];
}

/** Adds the options of a server. */
export function withServing(command: Command): Command {
  return command
    .addOption(new Option('--port <port>', 'port on 127.0.0.1').env('PORT').default(4700).argParser(parsePort))
    .addOption(new Option('--data <folder>', 'the data folder').env('ANNALS_DATA').default('.annals'))
    .addOption(
      new Option(
        '--allow-host <name...>',
        'further names by which requests and pages may reach the server, such as the name of a proxy',
      )
        .env('ANNALS_ALLOW_HOST')
        .default([])
        .argParser(parseHosts),
    );
}

/** Adds `serve`: runs Annals in this process until a signal ends it. */
export function addServeCommand(program: Command): void {
  withApp(withServing(program.command('serve')))
    .description('serve the HTTP API on this machine, with its data in a folder')
    .addHelpText('after', '\nExample:\n  annals serve --port 4700 --data .annals')
    .action(async ({ port, data, allowHost, app }: ServeOptions) => {
      try {
        const annals = await loadApplication(app);
        const server = await startServer({
          port,
          dataDir: data,
          allowedHosts: allowHost,
          annals,
          logger: consoleLogger,
          traceEndpoint: traceEndpointOf(process.env),
        });
        console.log(`Annals serves ${server.url} with its data in ${data}`);
        for (const line of app === undefined ? [firstRequest(server.url)] : routesOf(annals)) console.log(line);
        closeOnSignal(server);
      } catch (error) {
        if (!(error instanceof StartupError || error instanceof ValidationError)) throw error;
        console.error(
          error instanceof ValidationError ? `${app ?? 'annals.config.ts'}: ${error.message}` : error.message,
        );
        process.exitCode = 1;
      }
    });
}

/** Closes the server at the first signal. A second signal ends the process at once. */
function closeOnSignal(server: Server): void {
  const close = () => {
    process.off('SIGINT', close).off('SIGTERM', close);
    void server.close();
  };
  process.on('SIGINT', close).on('SIGTERM', close);
}

function firstRequest(url: string): string {
  const body = `{"agentId":"42","agentType":"coder","configuration":{},"createdBy":"me"}`;
  return `try:  curl ${url}/agents -H 'content-type: application/json' -d '${body}'`;
}

/** A line for each route that follows from the aggregates of an application. */
function routesOf({ aggregates }: Annals): readonly string[] {
  const routes = [...aggregateCommands(aggregates), ...aggregateViews(aggregates)];
  const lines = routes.map(({ method, path, summary }) => [`${method} ${path}`, summary] as const);
  const width = Math.max(...lines.map(([place]) => place.length));
  return [...lines, ['GET /openapi.json', 'Every route'] as const].map(
    ([place, summary]) => `  ${place.padEnd(width)}  ${summary}`,
  );
}

const MAX_PORT = 65_535;

function parsePort(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port <= MAX_PORT) return port;
  throw new InvalidArgumentError(`Give a whole number from 0 (any free port) to ${MAX_PORT}.`);
}

/** Takes names one by one from the command line, or separated by commas from the environment. */
function parseHosts(value: string, earlier: readonly string[] = []): readonly string[] {
  const names = value.split(',').map((text) => {
    const name = hostName(text.trim());
    if (name === undefined) throw new InvalidArgumentError('Give the name of a host, such as annals.example.com.');
    return name;
  });
  return [...earlier, ...names];
}
