import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { createClient, type LoggedEvent } from '../../../client/client.ts';
import { configureEventSystem } from '../../../core/base/configuration.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AGENTS = 40;
const EVENTS = 2 * AGENTS;

describe('a sharded log over HTTP', () => {
  let server: Server;
  beforeAll(async () => {
    const settings = configureEventSystem({
      event_system: { store: { partition_strategy: 'sharded', log_shards: 4 } },
    });
    server = await startServer({ port: 0, dataDir: join(temporaryFolder(), 'data'), logger: console, settings });
  });
  afterAll(() => server.close());

  const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id).toSorted();

  /** Every stream has its events in order. */
  function assertOrder(events: readonly LoggedEvent[]): void {
    const last = new Map<string, number>();
    for (const { aggregateId, sequenceNumber } of events) {
      expect(sequenceNumber).toBe((last.get(aggregateId) ?? 0) + 1);
      last.set(aggregateId, sequenceNumber);
    }
  }

  it('gives every event once and in the order of its stream: to followers, to SSE, in pages, from the middle', async () => {
    const client = createClient({ url: server.url });
    const followed: LoggedEvent[] = [];
    const following = (async () => {
      for await (const event of client.follow()) if (followed.push(event) === EVENTS) return;
    })();
    const streamed = readStream(`${server.url}/events/stream`, EVENTS);
    await Promise.all(
      Array.from({ length: AGENTS }, async (_, n) => {
        await client.agents.create({ agentId: `a${n}`, agentType: 'coder', createdBy: 'me', configuration: {} });
        await client.agents.changeState(`a${n}`, { newState: 'idle', reason: 'ready' });
      }),
    );
    await following;
    assertOrder(followed);
    expect(new Set(ids(followed)).size).toBe(EVENTS);

    const sent = await streamed;
    assertOrder(sent);
    expect(ids(sent)).toEqual(ids(followed));

    const paged: LoggedEvent[] = [];
    for (let after: string | undefined; paged.length < EVENTS; ) {
      const page = await client.readLog({ after, limit: 7 });
      expect(page.events).not.toEqual([]);
      paged.push(...page.events);
      after = page.next;
    }
    assertOrder(paged);
    expect(ids(paged)).toEqual(ids(followed));

    const half = followed[EVENTS / 2 - 1]?.position;
    const rest = await client.readLog({ after: half, limit: 1_000 });
    expect(ids([...followed.slice(0, EVENTS / 2), ...rest.events])).toEqual(ids(followed));
  });

  it('answers filters, a rebuild and a verification', async () => {
    const client = createClient({ url: server.url });
    const { events } = await client.readLog({ types: ['agent.created'], limit: 1_000 });
    expect(events).toHaveLength(AGENTS);
    const { rebuildId } = await client.operations.rebuild('agent-status');
    await expect.poll(async () => (await client.operations.replay(rebuildId)).state).toBe('switched');
    const { verificationId } = await client.operations.verify();
    await expect.poll(async () => (await client.operations.verification(verificationId)).state).toBe('done');
    expect(await client.operations.verification(verificationId)).toMatchObject({ total: 0 });
  });
});

/** The first `count` events of Server-Sent Events. */
async function readStream(url: string, count: number): Promise<LoggedEvent[]> {
  const controller = new AbortController();
  const { body } = await fetch(url, { signal: controller.signal });
  const events: LoggedEvent[] = [];
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = /^data: (.*)$/m.exec(message)?.[1];
      if (data !== undefined) events.push(JSON.parse(data));
    }
    if (events.length >= count) break;
  }
  controller.abort();
  return events;
}
