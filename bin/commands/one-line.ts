import { BackupError } from '../../adapters/embedded/offline/backup-folder.ts';
import { StartupError } from '../../adapters/embedded/sqlite/database.ts';

/** Runs a command. Errors of backups and of the data folder become a line on standard error and exit code 1. */
export async function withOneLineErrors(failure: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof BackupError || error instanceof StartupError)) throw error;
    console.error(`${failure}: ${error.message}`);
    process.exitCode = 1;
  }
}
