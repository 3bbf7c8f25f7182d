import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The template and its names after the CDK app of a page ran over an application. */
function synthesise(page: string, app: string) {
  const [, snippet = ''] = readFileSync(join(root, page), 'utf8').match(/```ts\n\/\/ cdk\.ts\n([\s\S]*?)```/) ?? [];
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'annals'));
  for (const name of ['aws-cdk-lib', 'constructs', 'zod']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'app.ts'), app);
  writeFileSync(join(folder, 'cdk.ts'), snippet);
  const outdir = join(folder, 'cdk.out');
  execFileSync(process.execPath, ['cdk.ts'], {
    cwd: folder,
    env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: '{"aws:cdk:bundling-stacks":[]}' },
    stdio: 'pipe',
  });
  const { Outputs, Resources } = JSON.parse(readFileSync(join(outdir, 'Billing.template.json'), 'utf8'));
  const resources = Object.values<{ Properties?: Record<string, unknown> }>(Resources);
  const machines = resources.map(({ Properties }) => Properties?.['StateMachineName']).filter(Boolean);
  return { outputs: JSON.stringify(Outputs), template: JSON.stringify(resources), machines: machines.toSorted() };
}

it('the CDK app of docs/deploy.md deploys an application of invoices', () => {
  const app = `export { default } from '${join(root, 'test/own-domain/app.ts')}';\n`;
  const { outputs, template, machines } = synthesise('docs/deploy.md', app);
  expect(outputs).toMatch(/execute-api/);
  expect(machines).toEqual(['billing-dev-replay', 'billing-dev-saga-dunning']);
  expect(template).toContain('\\"frequency\\":50');
});

it('the CDK app of the README deploys the application of the README', () => {
  const [, app = ''] = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n\/\/ app\.ts\n([\s\S]*?)```/) ?? [];
  expect(synthesise('README.md', app).machines).toEqual([
    'billing-dev-replay',
    'billing-dev-saga-multi-agent-task',
    'billing-dev-saga-workflow',
  ]);
});
