import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { findPython, installTool } from '../../bin/cloud/python.ts';
import { cloudFolder } from '../../bin/cloud/shell.ts';
import { startServer } from '../../bin/serve/server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const home = temporaryFolder();
const inHome = { cwd: home };
const tool = (name: string) => join(home, 'node_modules', '.bin', name);
const python = await findPython();

let operations: readonly string[];

beforeAll(async () => {
  const server = await startServer({ port: 0, dataDir: join(home, 'data'), logger: console });
  const text = await (await fetch(`${server.url}/openapi.json`)).text();
  await server.close();
  await writeFile(join(home, 'openapi.json'), text);
  const methods = Object.values<Record<string, { operationId: string }>>(JSON.parse(text).paths);
  operations = methods.flatMap((path) => Object.values(path).map(({ operationId }) => operationId)).toSorted();

  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'dom', 'dom.iterable'], types: [] },
    ...{ strict: true, noEmit: true, skipLibCheck: true },
  };
  await writeFile(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts', 'sdk'] }));
  await writeFile(join(home, 'package.json'), '{"type":"module"}');
  const generators = ['openapi-typescript@7.13.0', '@hey-api/openapi-ts@0.99.0', 'typescript@5'];
  await run('npm', ['install', '--no-audit', '--no-fund', ...generators], inHome);
});

it('openapi-typescript makes types of every operation, which compile', async () => {
  await run(tool('openapi-typescript'), ['openapi.json', '-o', 'types.ts'], inHome);
  const text = await readFile(join(home, 'types.ts'), 'utf8');
  const made = text.slice(text.indexOf('export interface operations')).matchAll(/^ {4}(\w+): \{$/gm);
  expect([...made].map(([, name]) => name).toSorted()).toEqual(operations);
  await run(tool('tsc'), ['-p', '.'], inHome);
});

it('@hey-api/openapi-ts makes a function of every operation, and they compile', async () => {
  await run(tool('openapi-ts'), ['-i', 'openapi.json', '-o', 'sdk'], inHome);
  const made = (await readFile(join(home, 'sdk', 'sdk.gen.ts'), 'utf8')).matchAll(/^export const (\w+) = </gm);
  expect([...made].map(([, name]) => name).toSorted()).toEqual(operations);
  await run(tool('tsc'), ['-p', '.'], inHome);
});

it.runIf(python)('openapi-python-client makes a module of every operation, without a warning', async () => {
  const generator = await installTool(python ?? '', cloudFolder, { name: 'openapi-python-client', version: '0.29.1' });
  await writeFile(join(home, 'python.yml'), 'post_hooks: []'); // its formatter is another tool
  const options = ['--meta', 'none', '--config', 'python.yml', '--path', 'openapi.json'];
  const { stdout, stderr } = await run(generator, ['generate', ...options], inHome);
  expect(`${stdout}${stderr}`).not.toMatch(/warning|unable/i);
  const api = join(home, 'annals_client', 'api');
  const files = await readdir(api, { recursive: true });
  const modules = files.filter((file) => file.endsWith('.py') && !file.endsWith('__init__.py'));
  expect(modules).toHaveLength(operations.length);
});
