import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { assertFile } from './application.ts';
import { withServing } from './serve.ts';

/** Adds `dev`: serves an application, and starts again with each change of its files. */
export function addDevCommand(program: Command): void {
  withServing(program.command('dev'))
    .description('serve your application, and start again when one of its files changes; the data stays')
    .argument('<app>', 'a file whose default export is made by defineAnnals')
    .addHelpText('after', '\nExample:\n  annals dev ./app.ts')
    .action(async (app: string, { port, data, allowHost }) => {
      assertFile(resolve(app));
      const serving = ['--port', String(port), '--data', data, '--app', app];
      const hosts = allowHost.length > 0 ? ['--allow-host', ...allowHost] : [];
      // Node watches every file that the server imports, and waits for a change when the server cannot start.
      const watched = ['--watch', '--watch-preserve-output', process.argv[1] ?? '', 'serve', ...serving, ...hosts];
      const node = spawn(process.execPath, [...process.execArgv, ...watched], { stdio: 'inherit' });
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => node.kill(signal));
      const [code] = await once(node, 'exit');
      process.exitCode = code ?? 0;
    });
}
