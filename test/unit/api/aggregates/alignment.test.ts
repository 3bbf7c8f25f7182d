import { diffArrays } from 'diff';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { align } from '../../../../api/aggregates/diff/alignment.ts';

const lengthOfCommon = (left: number[], right: number[]) =>
  diffArrays(left, right).reduce((sum, { added, removed, count }) => sum + (added || removed ? 0 : count), 0);

describe('an alignment', () => {
  it('is a longest common subsequence', async () => {
    const list = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(list, list, async (left, right) => {
        const { pairs, aligned } = await align(left, right);
        expect(aligned).toBe(true);
        expect(pairs).toHaveLength(lengthOfCommon(left, right));
        let before: readonly [number, number] = [-1, -1];
        for (const [own, other] of pairs) {
          expect(left[own]).toBe(right[other]);
          expect([own > before[0], other > before[1]]).toEqual([true, true]);
          before = [own, other];
        }
      }),
      { numRuns: 50 }, // an alignment takes a timer for each difference
    );
  });

  it('leaves out what only one list has before it searches', async () => {
    const left = [1, ...Array.from({ length: 5_000 }, (_, n) => 10 + n), 2];
    const right = [1, ...Array.from({ length: 5_000 }, (_, n) => 10_000 + n), 2];
    expect(await align(left, right)).toEqual({
      aligned: true,
      pairs: [
        [0, 0],
        [5_001, 5_001],
      ],
    });
  });

  it('says so when the lists differ too much, and pairs their common start and end', async () => {
    const left = [1, 2, ...Array.from({ length: 2_000 }, (_, n) => n % 7), 3];
    const right = [1, 2, ...Array.from({ length: 2_000 }, (_, n) => (n * n) % 11), 5, 3];
    const { pairs, aligned } = await align(left, right);
    expect(aligned).toBe(false);
    expect(pairs.slice(0, 2)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(pairs.at(-1)).toEqual([2_002, 2_003]);
    for (const [own, other] of pairs) expect(left[own]).toBe(right[other]);
  });
});
