import { defineConfig } from 'vitest/config';

/** `npm run test:packages`: what is published, in every runtime that it is for. It installs them, so it needs the registry. */
export default defineConfig({
  test: {
    include: ['test/packages/**/*.lane.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    setupFiles: ['test/support/patience.ts'],
  },
});
