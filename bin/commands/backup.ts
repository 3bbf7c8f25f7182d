import { type Command, Option } from 'commander';
import { backUp } from '../../adapters/embedded/offline/backup.ts';
import type { BackupContent } from '../../adapters/embedded/offline/backup-folder.ts';
import { withOneLineErrors } from './one-line.ts';

/** Adds `backup`: copies the source of truth of a data folder, also beside a running server. */
export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('copy the events, the bodies of large events and the log with its archive into a new folder')
    .argument('<folder>', 'the folder of the backup, new or empty')
    .addOption(new Option('--data <folder>', 'the data to back up').env('ANNALS_DATA').default('.annals'))
    .option('--allow-damage', 'back up all that is readable when objects are missing or damaged', false)
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, { data, allowDamage }: { data: string; allowDamage: boolean }) => {
      await withOneLineErrors('not backed up', async () => {
        const started = performance.now();
        const content = await backUp(data, folder, { allowDamage, onLeftover });
        const seconds = ((performance.now() - started) / 1_000).toFixed(1);
        for (const damage of content.damage) console.error(`not in the backup: ${damage}`);
        console.log(`backed up ${describeSize(content)} to ${folder} in ${seconds} s`);
      });
    });
}

const onLeftover = ({ path, inUse }: { readonly path: string; readonly inUse: boolean }) =>
  console.error(
    inUse
      ? `${path} belongs to another backup that is running`
      : `${path} may be from a backup that did not finish; delete it if it is`,
  );

const EXAMPLES = `
The server may run. A backup has no views and no snapshots: annals restore builds the views again.

Example:
  annals backup /backups/2026-11-28 --data ./data`;

/** The amounts of data in a backup, for people. */
export function describeSize({ commits, events, objects, database }: BackupContent): string {
  const files = Object.values(objects);
  const bytes = files.reduce((sum, file) => sum + file.bytes, database.bytes);
  const number = (count: number) => count.toLocaleString('en');
  return `${number(events)} events in ${number(commits)} commits and ${number(files.length)} objects, ${(bytes / 1e6).toFixed(1)} MB`;
}
