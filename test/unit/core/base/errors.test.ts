import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** Each class that extends an error of Annals, with its source up to the end of its name. */
const classes = globSync('{core,adapters,api,application,functions}/**/*.ts', { cwd: root }).flatMap((file) => {
  const source = readFileSync(`${root}${file}`, 'utf8');
  const declared = source.matchAll(/^(?:export )?class (\w+) extends (?!Error\b)\w+Error \{([\s\S]*?)^\}/gm);
  return [...declared].map(([, name = '', body = '']) => ({ name, body }));
});

describe('the errors of Annals', () => {
  it('were found', () => expect(classes.length).toBeGreaterThan(25));

  it.each(classes)('$name says its name as a text, which a bundle keeps', ({ name, body }) => {
    expect(body).toContain(`override get name(): string {\n    return '${name}';`);
  });
});
