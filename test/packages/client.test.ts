import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../../bin/serve/server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { recordedAndFollowed } from './consumers/agent-result.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const consumers = join(import.meta.dirname, 'consumers');
const KB = 1_000;

describe('annals-client', () => {
  const home = temporaryFolder();
  const folder = join(home, 'node_modules', 'annals-client');
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ port: 0, dataDir: join(home, 'data'), logger: console });
    await run(process.execPath, ['bin/build-client.ts', folder], { cwd: root });
    await writeFile(join(home, 'package.json'), '{"type":"module"}');
    for (const name of ['agent.js', 'types.ts']) await copyFile(join(consumers, name), join(home, name));
  });
  afterAll(() => server.close());

  it('is packed in less than 60 KB, with types, licences and nothing else', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: folder });
    const [{ size, files }] = JSON.parse(stdout);
    expect(size).toBeLessThan(60 * KB);
    const others = files.map(({ path }: { path: string }) => path).filter((path: string) => !path.endsWith('.d.ts'));
    expect(others.sort()).toEqual(['LICENSE', 'LICENSES-OF-PARTS', 'README.md', 'index.js', 'package.json']);
  });

  it('records an agent and follows its events from JavaScript, with no other package', async () => {
    const { stdout } = await run(process.execPath, ['agent.js', server.url], { cwd: home });
    expect(JSON.parse(stdout)).toEqual(recordedAndFollowed);
  });

  it.each(['nodenext', 'bundler'])('has strict types for TypeScript with the resolution %s', async (resolution) => {
    await mkdir(join(home, 'node_modules'), { recursive: true });
    await symlink(join(root, 'node_modules', 'zod'), join(home, 'node_modules', 'zod')).catch(() => {});
    const compilerOptions = {
      module: resolution === 'bundler' ? 'esnext' : resolution,
      ...{ moduleResolution: resolution, target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: [] },
      ...{ strict: true, noEmit: true, skipLibCheck: false },
    };
    await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }));
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await run(process.execPath, [tsc], { cwd: home }).catch((error) => error);
    expect(stdout).toBe('');
  });

  it('names the licence of each part that it brings along', async () => {
    const licences = await readFile(join(folder, 'LICENSES-OF-PARTS'), 'utf8');
    for (const part of ['cockatiel', 'ulid', 'zod']) expect(licences).toMatch(new RegExp(`^${part} \\d`, 'm'));
  });
});
