import { type Command, Option } from 'commander';
import { openVerification } from '../../adapters/embedded/offline/verification.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';
import { projections } from '../../domain/projections.ts';

/** Adds `verify`: makes all views anew from history, in memory, and reports each that is another one. */
export function addVerifyCommand(program: Command): void {
  program
    .command('verify')
    .description('compare every view with what history makes of it; changes nothing, and the server may run')
    .addOption(new Option('--data <folder>', 'where the data is').env('ANNALS_DATA').default('.annals'))
    .action(async ({ data }: { data: string }) => {
      try {
        process.exitCode = (await verify(data)) ? 0 : 1;
      } catch (error) {
        if (!(error instanceof StartupError)) throw error;
        console.error(error.message);
        process.exitCode = 1;
      }
    });
}

/** @returns whether every view is right */
async function verify(data: string): Promise<boolean> {
  const { verification, close } = openVerification(data, projections);
  let wrong = 0;
  try {
    for await (const { projection, streams, differences } of verification.run()) {
      wrong += differences.length;
      console.log(`${projection}: ${streams} streams, ${differences.length} differences`);
      for (const { key, kind, detail } of differences) console.log(`  ${projection}/${key} ${kind}: ${detail}`);
    }
  } finally {
    close();
  }
  if (wrong > 0) console.log('POST /projections/{name}/rebuilds makes the views of a projection anew');
  return wrong === 0;
}
