import { defineConfig } from 'vitest/config';

/** `npm run test:cloud`: the deployed stack, over its API. Delivery takes its time, on an emulator more than on AWS. */
export default defineConfig({
  test: {
    include: ['test/cloud/**/*.test.ts'],
    globalSetup: ['test/cloud/deployment.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The emulator shares the machine with the tests.
    maxWorkers: 2,
  },
});
