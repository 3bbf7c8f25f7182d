import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** These set the environment of their process or load modules afresh, so each needs a process of its own. */
const alone = ['test/functions/**/*.test.ts', 'test/unit/adapters/aws/s3/bucket.test.ts'];

const shared = {
  exclude: ['test/cloud/**'],
  globalSetup: ['test/support/dynamodb-emulator.ts'],
  // A test waits for what it expects, not for a time: these bounds are for what never comes, also on a busy machine.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
  // Tests start many processes, which load the same modules.
  env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
  setupFiles: ['test/support/patience.ts'],
};

/** `npm test`. Files share the modules that they import (a third of the time went into importing), but for a few. */
export default defineConfig({
  test: {
    // A core stays free by default. On two cores that is half of the machine, and many tests wait.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          ...shared,
          name: 'together',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...shared.exclude, ...alone],
        },
      },
      { test: { ...shared, name: 'alone', include: alone } },
    ],
  },
});
