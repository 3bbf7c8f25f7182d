import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../client/index.ts';
import { addressed, newService, replies, reply } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, url } = servedApi();

async function filled(events: readonly object[]): Promise<string> {
  const stream = newService();
  for (let start = 0; start < events.length; start += 100) {
    const body = { expectedVersion: start, events: addressed(stream, events.slice(start, start + 100)) };
    expect((await post(`/streams/${stream}/events`, body)).status).toBe(201);
  }
  return stream;
}

const search = (stream: string, query: Readonly<Record<string, string>>) =>
  get(`/streams/${stream}/search?${new URLSearchParams(query)}`);

/** All pages of a search. */
async function pagesOf(stream: string, query: Readonly<Record<string, string>>) {
  const pages = [];
  for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)?.next ?? null) {
    const { status, body } = await search(stream, cursor === '' ? query : { ...query, cursor });
    expect(status).toBe(200);
    pages.push(body);
  }
  return pages;
}

const versionsIn = (pages: readonly { matches: { sequenceNumber: number }[] }[]) =>
  pages.flatMap(({ matches }) => matches.map(({ sequenceNumber }) => sequenceNumber));

describe('GET /streams/{streamId}/search', () => {
  it('finds the events whose data has the text, newest or oldest first', async () => {
    const stream = await filled([reply('a colon'), reply('nothing'), reply('the COLON again')]);
    const { status, body } = await search(stream, { text: 'Colon' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ streamId: stream, version: 3, searched: 3, next: null });
    expect(body.matches).toEqual([
      {
        streamId: stream,
        sequenceNumber: 3,
        type: 'external-service.response',
        timestamp: expect.any(String),
        path: 'data.response',
        at: 4,
        excerpt: 'the COLON again',
      },
      expect.objectContaining({ sequenceNumber: 1, at: 2 }),
    ]);
    const oldest = await search(stream, { text: 'Colon', direction: 'forward' });
    expect(versionsIn([oldest.body])).toEqual([1, 3]);
  });

  it.each(['forward', 'backward'])('leads %s to the last match, whatever the size of the pages', async (direction) => {
    const stream = await filled(replies(25).map((event, index) => (index % 2 ? event : reply('needle'))));
    const all = Array.from({ length: 13 }, (_, index) => 2 * index + 1);
    for (const limit of ['1', '4', '13', '100']) {
      const found = versionsIn(await pagesOf(stream, { text: 'needle', direction, limit }));
      expect(found, limit).toEqual(direction === 'forward' ? all : all.toReversed());
    }
  });

  it('finds the history that a fork shares with its parents, each event once, and what the fork says about itself', async () => {
    const [top, middle, low] = [randomUUID(), randomUUID(), randomUUID()];
    const step = async (agentId: string, action: string) =>
      expect((await post(`/agents/${agentId}/steps`, { action })).status).toBe(201);
    await post('/agents', { agentId: top, agentType: 'coder', configuration: {}, createdBy: 'test' });
    await step(top, 'needle 1');
    await step(top, 'after the fork: needle');
    await post(`/agents/${top}/forks`, { atVersion: 2, agentId: middle });
    await step(middle, 'needle 2');
    await post(`/agents/${middle}/forks`, { atVersion: 2, agentId: low });
    await step(low, 'Needle 3');
    for (const limit of ['1', '2', '50']) {
      const pages = await pagesOf(`agent-${low}`, { text: 'needle', limit });
      const places = pages.flatMap(({ matches }) => matches.map(({ streamId, excerpt }: never) => [streamId, excerpt]));
      expect(places).toEqual([
        [`agent-${low}`, 'Needle 3'],
        [`agent-${middle}`, 'needle 2'],
        [`agent-${top}`, 'needle 1'],
      ]);
      expect(pages[0].version).toBe(2);
      const oldest = await pagesOf(`agent-${low}`, { text: 'needle', limit, direction: 'forward' });
      expect(oldest.flatMap(({ matches }) => matches.map(({ excerpt }: never) => excerpt))).toEqual([
        'needle 1',
        'needle 2',
        'Needle 3',
      ]);
    }
    expect((await search(`agent-${low}`, { text: middle })).body.matches).toMatchObject([
      { streamId: `agent-${low}`, sequenceNumber: 1, path: 'data.parentId' },
      { streamId: `agent-${middle}`, sequenceNumber: 2 },
      { streamId: `agent-${middle}`, sequenceNumber: 1 },
    ]);
  });

  it('takes any text as it is', async () => {
    const texts = ['.*', '%', '%00', '👩‍💻', 'ÄÖÜ', '&text=', '\\u0041', "' OR 1=1", '+', 'x'.repeat(256)];
    const stream = await filled([reply('plain'), ...texts.map(reply)]);
    for (const [index, text] of texts.entries()) {
      const found = versionsIn([(await search(stream, { text })).body]);
      expect(found, text).toContain(index + 2);
      expect(found, text).not.toContain(1);
    }
  });

  it('refuses texts that are empty, over 256 characters or with NUL, foreign cursors, and streams without events', async () => {
    const stream = await filled([reply('a'), reply('a')]);
    const { next } = (await search(stream, { text: 'a', limit: '1' })).body;
    const other = await filled([reply('a')]);
    for (const [of, query, path] of [
      [stream, { text: '' }, 'text'],
      [stream, { text: 'x'.repeat(257) }, 'text'],
      [stream, { text: 'a\0b' }, 'text'],
      [stream, {}, 'text'],
      [stream, { text: 'a', direction: 'up' }, 'direction'],
      [stream, { text: 'a', cursor: 'x' }, 'cursor'],
      [other, { text: 'a', cursor: next }, 'cursor'],
    ] as const) {
      const { status, body } = await search(of, query as Record<string, string>);
      expect({ status, body }).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', errors: [{ path }] } });
    }
    expect((await search(newService(), { text: 'a' })).body.code).toBe('STREAM_NOT_FOUND');
  });

  it('reads 2,000 events for a page; a text that is nowhere takes three pages of 5,000 events', async () => {
    const stream = await filled(replies(5_000));
    const pages = await pagesOf(stream, { text: 'nowhere' });
    expect(pages.map(({ searched }) => searched)).toEqual([2_000, 2_000, 1_000]);
    expect(pages.flatMap(({ matches }) => matches)).toEqual([]);
    expect(versionsIn(await pagesOf(stream, { text: 'reply 77', limit: '2' }))).toHaveLength(11);
  });

  it('ends a page after 2 seconds, and the next goes on', async () => {
    const stream = await filled(replies(20));
    const start = performance.now() - 1_000_000; // a clock ahead would leave no turns to the tests after this
    let calls = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => start + 100 * ++calls);
    const pages = await pagesOf(stream, { text: 'reply' }).finally(() => clock.mockRestore());
    expect(pages.length).toBeGreaterThan(1);
    expect(versionsIn(pages)).toEqual(Array.from({ length: 20 }, (_, index) => 20 - index));
  });

  it('finds the end of large events, and answers with the place alone', async () => {
    const stream = await filled([reply(`${'x'.repeat(900_000)}needle`), reply('small')]);
    const { body } = await search(stream, { text: 'needle' });
    expect(body.matches).toMatchObject([{ sequenceNumber: 1, at: 900_000, excerpt: `${'x'.repeat(80)}needle` }]);
  });

  it('is a method of the client', async () => {
    const stream = await filled([reply('needle 1'), reply('needle 2')]);
    const client = createClient({ url: url() });
    const first = await client.searchStream(stream, { text: 'needle', direction: 'forward', limit: 1 });
    const rest = await client.searchStream(stream, { text: 'needle', cursor: first.next ?? '' });
    expect([first, rest].flatMap(({ matches }) => matches.map(({ excerpt }) => excerpt))).toEqual([
      'needle 1',
      'needle 2',
    ]);
    expect(rest.next).toBeNull();
  });
});
