#!/usr/bin/env node
import module from 'node:module';
import { debuglog } from 'node:util';

module.enableCompileCache?.(); // a second start takes half the processor time; older versions of Node have none

try {
  await import('../core/base/sqlite.ts'); // first: it tells the user of an older Node what to do
  const { run } = await import('./commands/program.ts');
  await run();
} catch (error) {
  debuglog('annals')('%o', error);
  console.error(`error: ${error instanceof Error ? error.message : error} (NODE_DEBUG=annals shows the stack)`);
  process.exitCode = 1;
}
