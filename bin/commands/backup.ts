import { type Command, Option } from 'commander';
import { backUp } from '../../adapters/embedded/offline/backup.ts';
import type { BackupContent } from '../../adapters/embedded/offline/backup-folder.ts';
import { endingInLine } from './one-line.ts';

/** Adds `backup`: copies the truth of a data folder, beside a server that goes on. */
export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('copy the events, the bodies of large events and the log, the archived one too, into a new folder')
    .argument('<folder>', 'where the backup goes: a new or empty folder')
    .addOption(new Option('--data <folder>', 'the data to back up').env('ANNALS_DATA').default('.annals'))
    .option('--allow-damage', 'back up what is there when something is missing or damaged', false)
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, { data, allowDamage }: { data: string; allowDamage: boolean }) => {
      await endingInLine('not backed up', async () => {
        const started = performance.now();
        const content = await backUp(data, folder, { allowDamage, onLeftover });
        const seconds = ((performance.now() - started) / 1_000).toFixed(1);
        for (const damage of content.damage) console.error(`not in the backup: ${damage}`);
        console.log(`backed up ${sizeOf(content)} to ${folder} in ${seconds} s`);
      });
    });
}

const onLeftover = ({ path, inUse }: { readonly path: string; readonly inUse: boolean }) =>
  console.error(
    inUse
      ? `${path} is of another backup that runs now`
      : `${path} may be left of a backup that did not finish; delete it if it is`,
  );

const EXAMPLES = `
The server may run. Views and snapshots are not in a backup: annals restore makes the views anew.

Example:
  annals backup /backups/2026-11-28 --data ./data`;

/** How much a backup holds, for people. */
export function sizeOf({ commits, events, objects, database }: BackupContent): string {
  const files = Object.values(objects);
  const bytes = files.reduce((sum, file) => sum + file.bytes, database.bytes);
  const number = (count: number) => count.toLocaleString('en');
  return `${number(events)} events in ${number(commits)} commits and ${number(files.length)} objects, ${(bytes / 1e6).toFixed(1)} MB`;
}
