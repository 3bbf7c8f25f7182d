import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pages, root, sections, titleOf } from '../../../docs/.vitepress/sections.ts';
import packageJson from '../../../package.json' with { type: 'json' };

const shown = sections.flatMap((section) => section.pages);

it('the sidebar of the site has every page once, and no page that is missing', () => {
  expect(shown.filter((page) => !existsSync(join(root, page)))).toEqual([]);
  expect(shown.toSorted()).toEqual(pages);
});

it('every page begins with a heading', () => {
  expect(
    pages.filter((page) => page !== 'README.md' && !readFileSync(join(root, page), 'utf8').startsWith('# ')),
  ).toEqual([]);
  expect(titleOf('README.md')).toBe('Annals');
});

it.each(pages)('the scripts that %s names are those of package.json', (page) => {
  const named = readFileSync(join(root, page), 'utf8').matchAll(/\bnpm run (?:--silent )?([a-z][\w:-]*)/g);
  const scripts: Readonly<Record<string, string>> = packageJson.scripts;
  expect([...named].map(([, name = '']) => name).filter((name) => !(name in scripts))).toEqual([]);
});

/** Headings as GitHub and the site link to them. */
const slugOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

it.each(pages)('the headings that %s links to are there', (page) => {
  const missing = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^):\s]*)#([^)\s]+)\)/g)].filter(
    ([, path = '', anchor = '']) => {
      const target = path === '' ? page : join(page, '..', path);
      const headings = [...readFileSync(join(root, target), 'utf8').matchAll(/^#+ (.+)$/gm)];
      return !headings.some(([, heading = '']) => slugOf(heading) === anchor);
    },
  );
  expect(missing.map(([link]) => link)).toEqual([]);
});
