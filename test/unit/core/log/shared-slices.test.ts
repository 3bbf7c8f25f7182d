import { expect, it } from 'vitest';
import { SharedSlices } from '../../../../core/log/shared-slices.ts';
import type { LogSlice } from '../../../../core/log/slice.ts';

const slice = (characters: number): LogSlice =>
  ({ events: [{ data: 'x'.repeat(characters) }], next: 'n', caughtUp: true }) as unknown as LogSlice;

it('slices are bounded in bytes; the newest is kept whatever it takes', async () => {
  const slices = new SharedSlices(100_000);
  let reads = 0;
  const get = (key: string, characters: number) => {
    const read = async () => {
      reads += 1;
      return slice(characters);
    };
    return slices.get(key, read, true);
  };
  for (const key of ['a', 'b', 'c', 'd', 'e']) await get(key, 10_000);
  expect(slices.bytes).toBeLessThanOrEqual(100_000);
  await get('e', 10_000);
  expect(reads).toBe(5);
  await get('a', 10_000);
  expect(reads).toBe(6);
  await get('large', 1_000_000);
  await get('large', 1_000_000);
  expect(reads).toBe(7);
  await get('e', 10_000);
  expect(reads).toBe(8);
});
