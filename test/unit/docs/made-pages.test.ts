import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { rooms } from '../../../rooms.mjs';

// `npx vitest run test/unit/docs -u` writes these pages anew.

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (page: string) => readFileSync(join(root, page), 'utf8');

/** A page with the text between the two marks of a part replaced. @throws Error when the page lacks the marks */
function withPart(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name}: made by npx vitest run test/unit/docs -u -->\n`, `<!-- end of ${name} -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`the page has no marks of ${name}`);
  return `${before}${begin}\n${part}\n${end}${after}`;
}

it('the layout in CONTRIBUTING.md is what the import checker enforces', async () => {
  const rows = Object.entries(rooms).map(([room, { holds, may }]) => {
    const imports = may.map((place) => `\`${place}\``).join(', ') || 'packages only';
    return `| \`${room}/\` | ${holds} | ${imports} |`;
  });
  const table = [
    '| room | what belongs there | may import, besides itself and packages |',
    '| --- | --- | --- |',
    ...rows,
  ];
  const page = withPart(read('CONTRIBUTING.md'), 'layout', `${table.join('\n')}\n`);
  await expect(page).toMatchFileSnapshot(join(root, 'CONTRIBUTING.md'));
});

it('the index of decisions lists every decision with its status and date', async () => {
  const files = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-.*\.md$/.test(name));
  const numbers = files.map((name) => name.slice(0, 4));
  expect(new Set(numbers).size, 'two decisions have one number').toBe(numbers.length);
  const rows = files.toSorted().map((name) => {
    const [title = '', , status = ''] = read(`docs/adr/${name}`).split('\n');
    const [, number, text] = /^# (\d+)\. (.+)$/.exec(title) ?? [];
    const [, state, date] = /^_(.+), (\d{4}-\d\d-\d\d)\._$/.exec(status) ?? [];
    if (!number || !state) throw new Error(`${name} begins "# <number>. <title>", a blank line, "_<Status>, <date>._"`);
    return `| ${number} | [${text}](${name}) | ${state} | ${date} |`;
  });
  const table = ['| number | decision | status | date |', '| --- | --- | --- | --- |', ...rows];
  const page = withPart(read('docs/adr/README.md'), 'index', `${table.join('\n')}\n`);
  await expect(page).toMatchFileSnapshot(join(root, 'docs/adr/README.md'));
});
