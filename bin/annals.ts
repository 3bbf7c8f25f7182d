#!/usr/bin/env node
import { debuglog } from 'node:util';

try {
  const { run } = await import('./commands/program.ts'); // here, so that a Node that is too old gets an answer as well
  await run();
} catch (error) {
  debuglog('annals')('%o', error);
  console.error(`error: ${error instanceof Error ? error.message : error} (NODE_DEBUG=annals shows the stack)`);
  process.exitCode = 1;
}
