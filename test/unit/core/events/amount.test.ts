import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addAmount,
  amount,
  amountOf,
  amounts,
  MAX_AMOUNT,
  MAX_SUM,
  wholeAmount,
} from '../../../../core/events/amount.ts';

const OUTSIDE = [-1, -1e-9, 1e15 + 1, 9_007_199_254_740_991, 1e300, Number.POSITIVE_INFINITY, Number.NaN, '1', null];

describe('an amount', () => {
  it('is a number from 0 to 1e15', () => {
    for (const inside of [0, -0, 1e-7, 0.1, 1, 412.5, 1e15]) expect(amount.safeParse(inside).success).toBe(true);
    for (const outside of OUTSIDE) expect(amount.safeParse(outside).success, String(outside)).toBe(false);
  });

  it('is wanted of every number among resources, at any depth, each fault named by its place', () => {
    expect(amounts.safeParse({ gpu: { seconds: [1, 2.5], kind: 'a100' }, spot: true, none: null }).success).toBe(true);
    const { error } = amounts.safeParse({ tokens: 1e300, gpu: { seconds: [1, -2] } });
    expect(error?.issues.map(({ path }) => path.join('.')).toSorted()).toEqual(['gpu.seconds.1', 'tokens']);
  });

  it('is read from older data as the nearest one', () => {
    expect([-5, 1e300, Number.POSITIVE_INFINITY, null, 'x', 2.5].map(amountOf)).toEqual([
      0,
      MAX_AMOUNT,
      MAX_AMOUNT,
      0,
      0,
      2.5,
    ]);
    expect([1e300, 0.0000015, 100.4].map((stored) => wholeAmount(stored, 1_000_000))).toEqual([
      MAX_SUM,
      2,
      100_400_000,
    ]);
  });
});

describe('a sum of amounts', () => {
  const sum = (all: readonly unknown[]) => all.reduce<number>(addAmount, 0);

  it('has six decimals and no dust, and loses no whole number', () => {
    expect(sum([0.1, 0.2])).toBe(0.3);
    expect(sum(Array.from({ length: 10_000 }, () => 0.000001))).toBe(0.01);
    expect(sum([1e15, 1, 1])).toBe(1_000_000_000_000_002);
    expect(sum([0.1234567891])).toBe(0.123457);
  });

  it('goes on from what older versions made of it', () => {
    expect(addAmount(null as never, 1)).toBe(1);
    expect(addAmount(1.7e308, 1.7e308)).toBe(MAX_SUM);
    expect(addAmount(5, -3)).toBe(5);
  });

  it('is a number that JSON carries unchanged, never less than before, whatever is added', () => {
    const stored = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e300, 1e15, 0.1, 1e-6), fc.constant(null));
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 50 }), (all) => {
        let before = 0;
        for (const one of all) {
          const after = addAmount(before, one);
          expect(JSON.parse(JSON.stringify(after))).toBe(after);
          expect(after).toBeGreaterThanOrEqual(before);
          expect(after).toBeLessThanOrEqual(MAX_SUM);
          before = after;
        }
      }),
    );
  });
});
