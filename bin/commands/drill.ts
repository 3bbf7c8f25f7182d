import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { backUpEvents, digestEvents, readViews } from '../../adapters/embedded/offline/backup.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { projections } from '../../domain/projections.ts';
import { consoleLogger } from '../serve/console-logger.ts';

/** How the views of one projection, made anew from the restored events, compare with those that are served. */
interface Comparison {
  readonly projection: string;
  readonly same: number;
  /** Served at another version, because the server went on meanwhile: not comparable. */
  readonly moved: number;
  readonly different: readonly string[];
}

/** Adds `drill`: proves that a backup can be restored, beside a server that goes on. */
export function addDrillCommand(program: Command): void {
  program
    .command('drill')
    .description('back up the events, restore them elsewhere, make all views anew, and compare both with the original')
    .addOption(new Option('--data <folder>', 'the data to back up').env('ANNALS_DATA').default('.annals'))
    .option('--keep <folder>', 'where to keep what was restored; nowhere by default')
    .action(async ({ data, keep }: { data: string; keep?: string }) => {
      const target = keep ?? mkdtempSync(join(tmpdir(), 'annals-drill-'));
      try {
        if (!(await drill(data, target))) process.exitCode = 1;
      } catch (error) {
        if (!(error instanceof StartupError)) throw error;
        console.error(error.message);
        process.exitCode = 1;
      } finally {
        if (keep === undefined) rmSync(target, { recursive: true, force: true });
      }
    });
}

/** @returns whether all that was restored is as it was */
async function drill(data: string, target: string): Promise<boolean> {
  const started = performance.now();
  const last = await backUpEvents(data, target);
  const [original, restored] = [digestEvents(data, last), digestEvents(target, last)];
  const backedUp = performance.now();
  await replay(target);
  const comparisons = await Promise.all(projections.map(({ name }) => compare(name, data, target)));
  const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(1)} s`;
  console.log(`backed up  ${restored.events} events in ${restored.commits} commits, ${seconds(backedUp - started)}`);
  console.log(`events     sha256 ${original.sha256}  original`);
  console.log(`           sha256 ${restored.sha256}  restored`);
  console.log(`replayed   ${seconds(performance.now() - backedUp)}`);
  for (const { projection, same, moved, different } of comparisons) {
    console.log(
      `views      ${projection}: ${same} the same, ${moved} moved on meanwhile, ${different.length} different`,
    );
    for (const key of different.slice(0, 10)) console.log(`           ${projection} ${key} is different`);
  }
  const good = original.sha256 === restored.sha256 && comparisons.every(({ different }) => different.length === 0);
  console.log(good ? 'the backup can be restored' : 'the backup CANNOT be restored as it was');
  return good;
}

/** Makes the views of a restored folder, by an engine of its own that runs no saga: nothing happens a second time. */
async function replay(dataDir: string): Promise<void> {
  const engine = createEngine({ dataDir, projections, logger: consoleLogger });
  engine.start();
  while ((await engine.projectionStatus()).some(({ lag }) => lag > 0)) await delay(20);
  await engine.close();
}

async function compare(projection: string, data: string, target: string): Promise<Comparison> {
  const [served, made] = await Promise.all([readViews(data, projection), readViews(target, projection)]);
  const different: string[] = [];
  let [same, moved] = [0, 0];
  for (const { key, version, view } of made.values()) {
    const original = served.get(key);
    if (original?.version !== version) moved += 1;
    else if (original.view === view) same += 1;
    else different.push(key);
  }
  return { projection, same, moved, different };
}
