import { type Command, Option } from 'commander';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { consoleLogger } from '../serve/console-logger.ts';
import { openService } from '../serve/service.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { fetchOf, type Target, withTarget } from './target.ts';

interface McpOptions extends Target, WithApp {
  readonly data?: string;
}

/** Adds `mcp`: serves the tools of agents over standard input and output. */
export function addMcpCommand(program: Command): void {
  withApp(withTarget(program.command('mcp')))
    .description(
      'serve MCP over standard input and output: the tools of agents, by a running server or on a data folder',
    )
    .addOption(new Option('--data <folder>', 'open this data folder; without it the tools ask the server of --url'))
    .addHelpText('after', '\nExample:\n  claude mcp add annals -- annals mcp --url http://127.0.0.1:4700')
    .action(async ({ data, app, ...target }: McpOptions) => {
      try {
        await serve(data, app, target);
      } catch (error) {
        if (!(error instanceof StartupError)) throw error;
        console.error(error.message);
        process.exitCode = 1;
      }
    });
}

/** @throws StartupError when the application or the data folder cannot be used */
async function serve(data: string | undefined, app: string | undefined, target: Target): Promise<void> {
  const annals = await loadApplication(app);
  const [{ mcpOf }, { serveMcpOverStdio }] = await Promise.all([
    import('../../api/tools.ts'),
    import('../../api/mcp/stdio.ts'),
  ]);
  const service = data === undefined ? undefined : openService({ dataDir: data, annals, logger: consoleLogger });
  service?.start();
  const url = target.url.replace(/\/$/, '');
  const send = service?.fetch ?? reached(target);
  const onerror = (error: Error) => consoleLogger.error('the connection to the agent failed', { error });
  await serveMcpOverStdio(mcpOf(annals), (path, init) => send(new Request(`${url}${path}`, init)), onerror);
  await service?.close();
}

/** The `fetch` of a target. An agent sees the error of a server that does not answer. */
function reached(target: Target): (request: Request) => Promise<Response> {
  const send = fetchOf(target);
  return async (request) => {
    try {
      return await send(request);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`${target.url} does not answer (${why}); start it with: annals serve`, { cause });
    }
  };
}
