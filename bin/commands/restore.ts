import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { restore } from '../../adapters/embedded/offline/restore.ts';
import { type Annals, settingsOf } from '../../application/define-annals.ts';
import { consoleLogger } from '../serve/console-logger.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { describeSize } from './backup.ts';
import { withOneLineErrors } from './one-line.ts';

/** Adds `restore`: restores a backup to a data folder. */
export function addRestoreCommand(program: Command): void {
  withApp(program.command('restore'))
    .description('check a backup, restore it to a new folder, and build the views from the events')
    .argument('<backup>', 'a folder that annals backup made')
    .argument('<folder>', 'the new data folder; it has to be new or empty')
    .option('--views-later', 'let the first start of the server build the views', false)
    .addHelpText('after', EXAMPLES)
    .action(async (backup: string, folder: string, { viewsLater, app }: WithApp & { viewsLater: boolean }) => {
      await withOneLineErrors('not restored', async () => {
        const started = performance.now();
        const application = await loadApplication(app);
        const content = await restore(backup, folder, viewsLater ? undefined : viewsOf(application));
        const seconds = ((performance.now() - started) / 1_000).toFixed(1);
        for (const damage of content.damage) console.error(`was not in the backup: ${damage}`);
        const views = viewsLater ? 'the server builds the views at its start' : 'the views are built';
        console.log(`restored ${describeSize(content)} of ${content.createdAt} to ${folder} in ${seconds} s; ${views}`);
      });
    });
}

const EXAMPLES = `
Example:
  annals restore /backups/2026-11-28 ./restored && annals serve --data ./restored`;

/**
 * Returns a function that builds the views of a restored folder, and appends events that the log lacks. The engine runs no
 * saga: sagas go on when a server starts.
 */
export function viewsOf(application: Annals): (dataDir: string) => Promise<void> {
  return async (dataDir) => {
    const settings = settingsOf(application);
    const engine = createEngine({ ...application, sagas: [], dataDir, settings, logger: consoleLogger });
    try {
      engine.start();
      while (engine.backlog() > 0) await delay(20);
    } finally {
      await engine.close();
    }
  };
}
