import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownDomainExample as example, linkAnnals, runInExample } from '../support/own-domain-example.ts';

// The lane of packages compiles the example and makes its stack.

/** The example simulates: on a busy machine that takes minutes. */
const PATIENCE_MS = 900_000;

describe('examples/own-domain', () => {
  beforeAll(linkAnnals);

  it.each(['billing/revenue.ts', 'billing/account.ts', 'billing/dunning.ts'])(
    'needs as many lines of %s as its README says',
    (file) => {
      const said = new RegExp(`\\| \`${file}\`: (\\d+)`).exec(readFileSync(join(example, 'README.md'), 'utf8'))?.[1];
      const lines = readFileSync(join(example, file), 'utf8').split('\n');
      expect(Number(said)).toBe(lines.filter((line) => line.trim() !== '').length);
    },
  );

  it(
    'passes its tests, with the test runner of Node',
    async () => {
      const output = await runInExample(['--test', '--test-reporter=tap'], { ANNALS_SEEDS: '100' });
      expect(Number(/^# pass (\d+)$/m.exec(output)?.[1]), output).toBeGreaterThanOrEqual(10);
    },
    PATIENCE_MS,
  );
});
