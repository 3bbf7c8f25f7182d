import { afterEach, expect, it, vi } from 'vitest';
import { listViews } from '../../../api/views/lists.ts';
import type { LiveGenerations } from '../../../core/replays/generations.ts';
import { agentStatus } from '../../../domain/agent/agent-status.ts';
import { MemoryViewStore } from '../../../testing/memory/views.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('a list ends its page after 2 s of reading, and the next page continues there', async () => {
  const views = new MemoryViewStore();
  const keys = ['a', 'b', 'c', 'd', 'e'];
  for (const key of keys) {
    const stored = { projection: agentStatus.name, generation: 1, key, version: 1, group: 'idle' };
    await views.put({ ...stored, view: { agentId: key } }, 0);
  }
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const list = views.list.bind(views);
  vi.spyOn(views, 'list').mockImplementation((projection, generation, group, options) => {
    if (group === 'idle') now += 900; // a view of megabytes
    return list(projection, generation, group, { ...options, limit: 1 });
  });
  const deps = { views, generations: { live: async () => 1 } as unknown as LiveGenerations };
  const pages: string[][] = [];
  for (let cursor: Parameters<typeof listViews>[2]['cursor']; ; ) {
    const page = await listViews(agentStatus, deps, { limit: 100, cursor, filters: {} });
    pages.push(page.views.map(({ agentId }) => agentId));
    if (page.next === null) break;
    cursor = JSON.parse(Buffer.from(page.next, 'base64url').toString());
  }
  expect(pages.flat()).toEqual(keys);
  expect(pages.length).toBeGreaterThan(1);
  for (const page of pages) expect(page.length).toBeLessThanOrEqual(3);
});
