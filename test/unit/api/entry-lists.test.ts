import { beforeAll, expect, it } from 'vitest';
import { entryCursor, listEntries } from '../../../api/views/entries.ts';
import type { LiveGenerations } from '../../../core/replays/generations.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import { MemoryViewStore } from '../../../testing/memory/views.ts';

const views = new MemoryViewStore();
const deps = { views, generations: { live: async () => 2 } as unknown as LiveGenerations };
type Query = Parameters<typeof listEntries<{ agentId: string; text?: string }>>[2];
const list = (query: Partial<Query>) =>
  listEntries<{ agentId: string; text?: string }>(agentStatus as never, deps, { list: 'inbox', limit: 100, ...query });

const put = (key: string, order: string, name: string, text = '', generation = 2) => {
  const stored = { projection: agentStatus.name, generation, key, version: 3, group: 'idle' };
  return views.put({ ...stored, view: { agentId: key, text } }, 0, undefined, [{ list: name, order }]);
};

beforeAll(async () => {
  for (let n = 0; n < 250; n++) await put(`a${n}`, String(9 - (n % 3)), 'inbox');
  await put('old', '1', 'inbox', '', 1);
  for (const key of 'bcdefgh') await put(key, '1', 'large', 'x'.repeat(370_000)); // five fit in an answer
});

/** All pages of a list. */
async function pages(query: Partial<Query>) {
  const found: Awaited<ReturnType<typeof list>>['views'][] = [];
  for (let cursor: Query['cursor']; ; ) {
    const page = await list({ ...query, cursor } as Partial<Query>);
    found.push(page.views);
    if (page.next === null) return found;
    cursor = entryCursor.parse(page.next);
  }
}

it('a list of entries is paged in its order, in the live generation', async () => {
  const all = await pages({ limit: 40 });
  expect(all.map((page) => page.length)).toEqual([40, 40, 40, 40, 40, 40, 10]);
  const expected = [...Array(250).keys()].map((n) => ({ place: `${9 - (n % 3)} a${n}`, agentId: `a${n}` }));
  const sorted = expected.toSorted((a, b) => (a.place < b.place ? -1 : 1));
  expect(all.flat().map(({ agentId }) => agentId)).toEqual(sorted.map(({ agentId }) => agentId));
  expect(all[0]?.[0]).toMatchObject({ version: 3 });
});

it('a list begins at an order, and leaves out views that do not pass', async () => {
  const nine = await pages({ from: '9', limit: 50 });
  expect(nine.flat()).toHaveLength(84);
  const some = await pages({ passes: ({ agentId }) => agentId.endsWith('00') });
  expect(some.flat().map(({ agentId }) => agentId)).toEqual(['a200', 'a100']);
});

it('a page ends where its views get too large for an answer', async () => {
  expect((await pages({ list: 'large' })).map((page) => page.length)).toEqual([5, 2]);
});

it('a cursor names its list, whatever list is asked for', async () => {
  const { next } = await list({ limit: 1 });
  const elsewhere = await list({ list: 'large', limit: 1, cursor: entryCursor.parse(next) });
  expect(elsewhere.views[0]?.agentId).toBe('a104');
  expect(entryCursor.safeParse('e30').success).toBe(false);
});
