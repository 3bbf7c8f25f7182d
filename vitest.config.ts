import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/cloud/**'],
    globalSetup: ['test/support/dynamodb-emulator.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
