import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

it('the CDK app of docs/deploy.md deploys an application of invoices', () => {
  const page = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  const [, snippet = ''] = page.match(/```ts\n\/\/ cdk\.ts\n([\s\S]*?)```/) ?? [];
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'annals'));
  for (const name of ['aws-cdk-lib', 'constructs']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'app.ts'), `export { default } from '${join(root, 'test/own-domain/app.ts')}';\n`);
  writeFileSync(join(folder, 'cdk.ts'), snippet);
  const outdir = join(folder, 'cdk.out');
  execFileSync(process.execPath, ['cdk.ts'], {
    cwd: folder,
    env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: '{"aws:cdk:bundling-stacks":[]}' },
    stdio: 'pipe',
  });
  const { Outputs, Resources } = JSON.parse(readFileSync(join(outdir, 'Billing.template.json'), 'utf8'));
  expect(JSON.stringify(Outputs.Url)).toMatch(/execute-api/);
  const resources = Object.values<{ Properties?: Record<string, unknown> }>(Resources);
  const machines = resources.map(({ Properties }) => Properties?.['StateMachineName']).filter(Boolean);
  expect(machines.toSorted()).toEqual(['billing-dev-replay', 'billing-dev-saga-dunning']);
  expect(JSON.stringify(resources)).toContain('\\"frequency\\":50');
});
