import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const pages = globSync(['docs/*.md', 'examples/*/*.md'], { cwd: root });

interface Snippet {
  readonly page: string;
  readonly file: string;
  readonly code: string;
}

/** The code of a page that says where it is from: `<!-- from <file> -->`, from the root or from the page. */
function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  const found = text.matchAll(/<!-- from (\S+) -->\n\n```ts\n(.*?)```/gs);
  return [...found].map(([, file = '', code = '']) => ({ page, file, code }));
}

const plain = (code: string): string => code.replaceAll(/^\s+/gm, '');

describe('the code that documents show', () => {
  const snippets = pages.flatMap(snippetsOf);

  it('is found at all', () => {
    expect(new Set(snippets.map(({ page }) => page)).size).toBeGreaterThanOrEqual(2);
  });

  it.each(snippets)('in $page is that of $file', ({ page, file, code }) => {
    const source = file.startsWith('examples/') ? file : join(dirname(page), file);
    expect(plain(readFileSync(join(root, source), 'utf8'))).toContain(plain(code));
  });
});
