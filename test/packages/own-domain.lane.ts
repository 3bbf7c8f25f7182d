import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { linkAnnals, runInExample } from '../support/own-domain-example.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const outdir = join(temporaryFolder(), 'cdk.out');

describe('examples/own-domain', () => {
  beforeAll(linkAnnals);

  it('compiles under strict', async () => {
    expect(await runInExample([join(root, 'node_modules/typescript/bin/tsc')])).toBe('');
  });

  it('has a stack of its own for AWS, with its saga and its routes', async () => {
    await runInExample(['cdk.ts'], { CDK_OUTDIR: outdir });
    const template = readFileSync(join(outdir, 'Billing.template.json'), 'utf8');
    const parts = ['invoices', 'accounts', 'pay', 'close'].map((part) => `"PathPart": "${part}"`);
    const missing = ['billing-dev-saga-dunning', ...parts].filter((name) => !template.includes(name));
    expect(missing).toEqual([]);
  });
});
