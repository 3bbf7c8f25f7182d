import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { addBackupCommand } from './backup.ts';
import { addConnectCommand } from './connect.ts';
import { addDevCommand } from './dev.ts';
import { addDiffCommand } from './diff.ts';
import { addDrillCommand } from './drill.ts';
import { addForkCommand } from './fork.ts';
import { addImportCommand } from './import.ts';
import { addMcpCommand } from './mcp.ts';
import { addRedriveCommand } from './redrive.ts';
import { addReplayCommand } from './replay.ts';
import { addRestoreCommand } from './restore.ts';
import { addServeCommand } from './serve.ts';
import { addTravelCommand } from './travel.ts';
import { addVerifyCommand } from './verify.ts';

/** Exit code for a wrong command line, as shells use it. */
const WRONG_USAGE = 2;

/** Runs the command of the command line. */
export async function run(): Promise<void> {
  await commandLine().parseAsync();
}

/** All commands, with their options and helps. */
export function commandLine(): Command {
  const program = new Command('annals')
    .description('The event-sourced backbone of a system of parallel AI agents')
    .version(packageJson.version)
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll(/\s*\n\s*/g, ' ')}\n`) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE));
  addDevCommand(program);
  addServeCommand(program);
  addConnectCommand(program);
  addMcpCommand(program);
  addImportCommand(program);
  addReplayCommand(program);
  addTravelCommand(program);
  addDiffCommand(program);
  addForkCommand(program);
  addVerifyCommand(program);
  addBackupCommand(program);
  addRestoreCommand(program);
  addRedriveCommand(program);
  addDrillCommand(program);
  return program;
}
