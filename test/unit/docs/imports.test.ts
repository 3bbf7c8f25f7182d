import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, root } from '../../../docs/.vitepress/sections.ts';
import packageJson from '../../../package.json' with { type: 'json' };

/** The names that the code of a page imports from an entry of the package. Types are erased, so they are left out. */
const imports = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^import \{([^}]+)\} from '(annals(?:\/[\w-]+)?)';$/gm)].map(
    ([, names = '', entry = '']) => ({
      page,
      entry,
      names: names.split(',').flatMap((name) => (/^\s*type /.test(name) ? [] : name.trim() || [])),
    }),
  );
});

describe('what the code of the documents imports', () => {
  it('is found at all', () => {
    expect(imports.length).toBeGreaterThan(5);
  });

  it.each(imports)('in $page from $entry is there', async ({ entry, names }) => {
    const entries: Readonly<Record<string, string>> = packageJson.exports;
    const file = entries[entry.replace('annals', '.')];
    expect(file).toBeDefined();
    expect(Object.keys(await import(join(root, file ?? '')))).toEqual(expect.arrayContaining(names));
  });
});
