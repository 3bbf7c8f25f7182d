import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { restore } from '../../adapters/embedded/offline/restore.ts';
import annalsConfig from '../../annals.config.ts';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { agents } from '../../domain/agents.ts';
import { consoleLogger } from '../serve/console-logger.ts';
import { sizeOf } from './backup.ts';
import { endingInLine } from './one-line.ts';

/** Adds `restore`: makes a data folder out of a backup. */
export function addRestoreCommand(program: Command): void {
  program
    .command('restore')
    .description('check a backup, put it into a new folder, and make the views anew from the events')
    .argument('<backup>', 'a folder that annals backup made')
    .argument('<folder>', 'the data folder to make: a new or empty folder')
    .option('--views-later', 'leave the views to the first start of the server', false)
    .addHelpText('after', EXAMPLES)
    .action(async (backup: string, folder: string, { viewsLater }: { viewsLater: boolean }) => {
      await endingInLine('not restored', async () => {
        const started = performance.now();
        const content = await restore(backup, folder, viewsLater ? undefined : makeViews);
        const seconds = ((performance.now() - started) / 1_000).toFixed(1);
        for (const damage of content.damage) console.error(`was not in the backup: ${damage}`);
        const views = viewsLater ? 'the server makes the views when it starts' : 'the views are made anew';
        console.log(`restored ${sizeOf(content)} of ${content.createdAt} to ${folder} in ${seconds} s; ${views}`);
      });
    });
}

const EXAMPLES = `
Example:
  annals restore /backups/2026-11-28 ./restored && annals serve --data ./restored`;

/**
 * Makes the views of a restored folder, and logs what was not logged yet, by an engine that runs no saga: sagas go on when a
 * server starts.
 */
export async function makeViews(dataDir: string): Promise<void> {
  const settings = configureEventSystem(annalsConfig);
  const engine = createEngine({ ...agents, sagas: [], dataDir, settings, logger: consoleLogger });
  try {
    engine.start();
    while (engine.backlog() > 0) await delay(20);
  } finally {
    await engine.close();
  }
}
