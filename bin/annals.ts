#!/usr/bin/env node
import { debuglog } from 'node:util';
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addBackupCommand } from './commands/backup.ts';
import { addDrillCommand } from './commands/drill.ts';
import { addImportCommand } from './commands/import.ts';
import { addRedriveCommand } from './commands/redrive.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addRestoreCommand } from './commands/restore.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTravelCommand } from './commands/travel.ts';
import { addVerifyCommand } from './commands/verify.ts';

/** Exit code for a wrong command line, as shells use it. */
const WRONG_USAGE = 2;

const program = new Command('annals')
  .description('The event-sourced backbone of a system of parallel AI agents')
  .version(packageJson.version)
  .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')}\n`) })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE));

addServeCommand(program);
addImportCommand(program);
addReplayCommand(program);
addTravelCommand(program);
addVerifyCommand(program);
addBackupCommand(program);
addRestoreCommand(program);
addRedriveCommand(program);
addDrillCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  debuglog('annals')('%o', error);
  console.error(`error: ${error instanceof Error ? error.message : error} (NODE_DEBUG=annals shows the stack)`);
  process.exitCode = 1;
}
