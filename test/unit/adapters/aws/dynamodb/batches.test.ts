import { expect, it } from 'vitest';
import { fetchAll } from '../../../../../adapters/aws/dynamodb/store.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';

const Keys = Array.from({ length: 10 }, (_, n) => n);

/** A table that gives so many items an answer and leaves the other keys, as DynamoDB does when it is throttled. */
function busyTable(itemsAnAnswer: number) {
  const asked: number[] = [];
  const pauses: number[] = [];
  const fetch = async ({ views }: Record<string, { Keys: readonly number[] }>) => {
    const { Keys = [] } = views ?? {};
    asked.push(Keys.length);
    const left = Keys.slice(itemsAnAnswer);
    return {
      Responses: { views: Keys.slice(0, itemsAnAnswer) },
      ...(left.length === 0 ? {} : { UnprocessedKeys: { views: { Keys: left } } }),
    };
  };
  const fetchFrom = () => fetchAll('views', { Keys }, fetch, async (ms) => void pauses.push(ms));
  return { asked, pauses, fetchFrom };
}
it('what a busy table left of a batch is fetched after pauses, until all of it is there', async () => {
  const { asked, pauses, fetchFrom } = busyTable(2);
  expect(await fetchFrom()).toEqual(Keys);
  expect(asked).toEqual([10, 8, 6, 4, 2]);
  expect(pauses).toHaveLength(4);
  for (const ms of pauses) expect(ms).toBeGreaterThan(0);
});

it('a batch in one answer takes one request', async () => {
  const { asked, pauses, fetchFrom } = busyTable(10);
  expect(await fetchFrom()).toEqual(Keys);
  expect([asked.length, pauses.length]).toEqual([1, 0]);
});

it('a table that gives nothing is an outage, and is not asked for ever', async () => {
  const { asked, fetchFrom } = busyTable(0);
  await expect(fetchFrom()).rejects.toThrow(UnavailableError);
  expect(asked).toHaveLength(1);
});
