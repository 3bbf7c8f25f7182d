import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { faults } from '../support/faults.ts';

it.each(faults)('the planted fault still has its place: $name', ({ edits, tests = [] }) => {
  for (const [file, find] of edits) {
    expect(readFileSync(file, 'utf8').split(find).length - 1, `${file}: ${find}`).toBe(1);
  }
  for (const test of tests) expect(existsSync(test), test).toBe(true);
});

it('no two planted faults have the same name', () => {
  expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
});
