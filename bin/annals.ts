#!/usr/bin/env node
import { Command } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addDrillCommand } from './commands/drill.ts';
import { addImportCommand } from './commands/import.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTravelCommand } from './commands/travel.ts';
import { addVerifyCommand } from './commands/verify.ts';

const program = new Command('annals')
  .description('The event-sourced backbone of a system of parallel AI agents')
  .version(packageJson.version);

addServeCommand(program);
addImportCommand(program);
addReplayCommand(program);
addTravelCommand(program);
addVerifyCommand(program);
addDrillCommand(program);

await program.parseAsync();
