import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { asyncApiDocument } from '../../api/event-types/async-api-document.ts';
import { catalogue } from '../support/application.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

const PROGRAM = `
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
const faults = [];
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));
  faults.push(...diagnostics.filter(({ severity }) => severity === 0), ...(document ? [] : ['no document']));
}
console.log(JSON.stringify(faults));
`;

it('the parser of AsyncAPI takes the documents of both forms of the bus, without an error', async () => {
  const cwd = temporaryFolder();
  await writeFile(join(cwd, 'package.json'), '{"type":"module"}');
  await writeFile(join(cwd, 'check.js'), PROGRAM);
  for (const form of ['annals', 'cloudevents'] as const) {
    await writeFile(join(cwd, `${form}.json`), JSON.stringify(asyncApiDocument(catalogue, form)));
  }
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '@asyncapi/parser@3.6.6'], { cwd });
  const { stdout } = await run('node', ['check.js', 'annals.json', 'cloudevents.json'], { cwd });
  expect(JSON.parse(stdout)).toEqual([]);
});
