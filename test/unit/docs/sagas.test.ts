import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { drawDeclaration, drawMachine } from '../../../bin/saga-diagram/draw.ts';
import { insertDiagrams } from '../../../bin/saga-diagram/page.ts';
import agents from '../../../domain/application.ts';

const { sagas } = agents;

const page = readFileSync(fileURLToPath(new URL('../../../docs/sagas.md', import.meta.url)), 'utf8');

it('docs/sagas.md shows every saga as it is; `npm run saga:diagram` draws them anew', () => {
  const drawn = sagas.map((saga) => ({ saga, declared: drawDeclaration(saga), compiled: drawMachine(saga) }));
  expect(insertDiagrams(page, drawn)).toBe(page);
});

it('a page without a place for diagrams is left alone', () => {
  expect(() => insertDiagrams('# Sagas', [])).toThrow(/no <!-- diagrams/);
});
