import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { backUp } from '../../adapters/embedded/offline/backup.ts';
import { compareFolders } from '../../adapters/embedded/offline/comparison.ts';
import { restore } from '../../adapters/embedded/offline/restore.ts';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import type { Annals } from '../../application/define-annals.ts';
import type { VerificationReport } from '../../core/verification/verification.ts';
import { loadApplication, type WithApp, withApp } from './application.ts';
import { describeSize } from './backup.ts';
import { withOneLineErrors } from './one-line.ts';
import { viewsOf } from './restore.ts';

/** Most differences that are printed. */
const SHOWN = 20;

/** Adds `drill`: proves that a backup can be restored, also beside a running server. */
export function addDrillCommand(program: Command): void {
  withApp(program.command('drill'))
    .description('back up, restore elsewhere, and compare events, log and views with the original')
    .addOption(new Option('--data <folder>', 'the data to back up').env('ANNALS_DATA').default('.annals'))
    .option('--keep <folder>', 'keep the restored data in this folder, new or empty; by default it is deleted')
    .addHelpText('after', EXAMPLES)
    .action(async ({ data, keep, app }: WithApp & { data: string; keep?: string }) => {
      await withOneLineErrors('no drill', async () => {
        const application = await loadApplication(app);
        const folder = await mkdtemp(join(tmpdir(), 'annals-drill-'));
        try {
          const places = { data, backup: join(folder, 'backup'), restored: keep ?? join(folder, 'restored') };
          if (!(await drill(application, places))) process.exitCode = 1;
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      });
    });
}

const EXAMPLES = `
The server may run. Exits with 0 when the backup can be restored, 1 when it cannot.

Example:
  annals drill --data ./data`;

/** The folders of a drill. */
interface Places {
  readonly data: string;
  readonly backup: string;
  readonly restored: string;
}

/** @returns whether the restored data equals the original, and its store, log and views agree */
async function drill(application: Annals, { data, backup, restored }: Places): Promise<boolean> {
  const clock = stopwatch();
  const content = await backUp(data, backup);
  console.log(`backed up  ${describeSize(content)}, ${clock()}`);
  await restore(backup, restored, viewsOf(application));
  console.log(`restored   with all views, ${clock()}`);
  const names = application.projections.map(({ name }) => name);
  const { commits, pages, views, moved, differences } = await compareFolders(data, restored, content, names);
  const same = `${commits} commits, ${pages} log pages and ${views} views are the same`;
  console.log(`compared   ${same}, ${moved} views moved on meanwhile, ${differences.length} differences, ${clock()}`);
  const report = await verify(application, restored);
  console.log(`verified   ${report.verdict}, ${clock()}`);
  const all = [...differences, ...report.differences];
  for (const { part, place, kind, detail } of all.slice(0, SHOWN))
    console.log(`  ${part}: ${place} ${kind}: ${detail}`);
  if (all.length > SHOWN) console.log(`  ... and ${all.length - SHOWN} more`);
  const good = all.length === 0;
  console.log(good ? 'the backup can be restored' : 'the backup CANNOT be restored as it was');
  return good;
}

/** No process writes to the restored folder, so its log and views may lack no event. */
async function verify(application: Annals, dataDir: string): Promise<VerificationReport> {
  const { verification, close } = openVerification(dataDir, { ...application, graceMs: 0 });
  try {
    const run = verification.run();
    let step = await run.next();
    while (!step.done) step = await run.next();
    return step.value;
  } finally {
    close();
  }
}

/** Returns a function that gives the time since its last call. */
function stopwatch(): () => string {
  let since = performance.now();
  return () => {
    const now = performance.now();
    const seconds = ((now - since) / 1_000).toFixed(1);
    since = now;
    return `${seconds} s`;
  };
}
