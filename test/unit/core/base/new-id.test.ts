import { expect, it } from 'vitest';
import { ulids } from '../../../../core/base/new-id.ts';

it('ids are ULIDs, rise within one maker, and are different between makers', () => {
  const [one, other] = [ulids(), ulids()];
  const ids = Array.from({ length: 5_000 }, () => one());
  const others = Array.from({ length: 5_000 }, () => other());
  expect(ids).toEqual(ids.toSorted());
  expect(new Set([...ids, ...others]).size).toBe(10_000);
  for (const id of ids) expect(id).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
});

it('the random part of ids uses the whole alphabet', () => {
  const ids = Array.from({ length: 200 }, () => ulids()());
  expect(new Set(ids.flatMap((id) => [...id.slice(10)])).size).toBe(32);
});
