import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PageRun, remaining, withRun } from '../../../../core/replays/page-runs.ts';

const pagesOf = (runs: readonly PageRun[]) =>
  new Set(runs.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => from + n)));

describe('runs of pages', () => {
  const run = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.nat({ max: 9 }))
    .map(([from, n]): PageRun => [from, from + n]);

  it('hold every page once, in order and apart, after they were joined one after the other', () => {
    fc.assert(
      fc.property(fc.array(run), (added) => {
        const runs = added.reduce<PageRun[]>((joined, one) => withRun(joined, one), []);
        expect(pagesOf(runs)).toEqual(pagesOf(added));
        for (const [n, [from]] of runs.slice(1).entries()) expect(from).toBeGreaterThan((runs[n]?.[1] ?? 0) + 1);
      }),
    );
  });

  it('leave the rest of a range, in ranges no larger than wanted', () => {
    fc.assert(
      fc.property(fc.array(run), run, fc.integer({ min: 1, max: 20 }), (added, [from, to], size) => {
        const runs = added.reduce<PageRun[]>((joined, one) => withRun(joined, one), []);
        const left = remaining({ partition: 'all', from, to }, runs, size);
        const expected = [...pagesOf([[from, to]])].filter((page) => !pagesOf(runs).has(page));
        expect([...pagesOf(left.map((range) => [range.from, range.to] as const))]).toEqual(expected);
        for (const range of left) expect(range.to - range.from).toBeLessThan(size);
      }),
    );
  });
});
