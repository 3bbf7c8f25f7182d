import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { commandsOf, read, root, walk } from './walk.ts';

const home = temporaryFolder();
const [, app = ''] = /^```ts\n\/\/ app\.ts\n(.*?)^```/ms.exec(read('README.md')) ?? [];
writeFileSync(join(home, 'app.ts'), app);

walk('README.md', home);
walk('docs/start.md', home);
walk('docs/own-domain.md', join(root, 'examples', 'own-domain'));
walk('docs/approvals.md', join(root, 'examples', 'own-domain'));
walk('docs/operate.md', home);
walk('docs/transactions.md', home);
walk('docs/schedules.md', home);
walk('docs/work.md', home);

it('the program of docs/start.md prints the events of an invoice', () => {
  mkdirSync(join(home, 'node_modules'));
  for (const [name, place] of [
    ['annals', root],
    ['zod', join(root, 'node_modules', 'zod')],
  ] as const) {
    symlinkSync(place, join(home, 'node_modules', name));
  }
  const [, program = ''] = /^```ts\n\/\/ program\.ts\n(.*?)^```/ms.exec(read('docs/start.md')) ?? [];
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(home, 'program.ts'), program);
  expect(execFileSync(process.execPath, ['program.ts'], { cwd: home, encoding: 'utf8' })).toBe('1 invoice.paid\n');
});

it('every command that is not run is in a page', () => {
  const { shown, notRun } = commandsOf('README.md', 'docs/start.md', 'docs/own-domain.md', 'docs/operate.md');
  expect(notRun.filter((command) => !shown.has(command))).toEqual([]);
});

it('the README has 120 lines at most', () => {
  expect(read('README.md').trim().split('\n').length).toBeLessThanOrEqual(120);
});
