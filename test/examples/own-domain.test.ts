import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownDomainExample as example, linkAnnals } from '../support/own-domain-example.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const outdir = join(temporaryFolder(), 'cdk.out');

/** Runs a program of Node in the folder of the example, as its user does. */
async function node(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const program = spawn(process.execPath, args, { cwd: example, env: { ...process.env, ...variables } });
  const [output, errors, [status]] = await Promise.all([
    text(program.stdout),
    text(program.stderr),
    once(program, 'close'),
  ]);
  expect(status, `${output}${errors}`).toBe(0);
  return output;
}

/** The example compiles, simulates and synthesises: on a busy machine that takes minutes. */
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
    'compiles under strict',
    async () => {
      expect(await node([join(root, 'node_modules/typescript/bin/tsc')])).toBe('');
    },
    PATIENCE_MS,
  );

  it(
    'passes its tests, with the test runner of Node',
    async () => {
      const output = await node(['--test', '--test-reporter=tap'], { ANNALS_SEEDS: '100' });
      expect(Number(/^# pass (\d+)$/m.exec(output)?.[1]), output).toBeGreaterThanOrEqual(10);
    },
    PATIENCE_MS,
  );

  it(
    'has a stack of its own for AWS, with its saga and its routes',
    async () => {
      await node(['cdk.ts'], { CDK_OUTDIR: outdir });
      const template = readFileSync(join(outdir, 'Billing.template.json'), 'utf8');
      const parts = ['invoices', 'accounts', 'pay', 'close'].map((part) => `"PathPart": "${part}"`);
      const missing = ['billing-dev-saga-dunning', ...parts].filter((name) => !template.includes(name));
      expect(missing).toEqual([]);
    },
    PATIENCE_MS,
  );
});
