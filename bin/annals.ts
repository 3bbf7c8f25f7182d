#!/usr/bin/env node
import { debuglog } from 'node:util';

try {
  await import('../core/base/sqlite.ts'); // first: it tells the user of an older Node what to do
  const { run } = await import('./commands/program.ts');
  await run();
} catch (error) {
  debuglog('annals')('%o', error);
  console.error(`error: ${error instanceof Error ? error.message : error} (NODE_DEBUG=annals shows the stack)`);
  process.exitCode = 1;
}
