import { ulid } from 'ulid';
import { describe, expect, it, vi } from 'vitest';
import type { LoggedEvent } from '../../client/client.ts';
import { deployedClient } from './client.ts';

const client = deployedClient();
const data = { agentType: 'coder', configuration: {}, createdBy: 'me' };
const created = (agentId: string) => ({
  streamId: `agent-${agentId}`,
  expectedVersion: 0,
  events: [{ type: 'agent.created' as const, data: { ...data, agentId } }],
});
const step = (agentId: string) => ({
  streamId: `agent-${agentId}`,
  expectedVersion: 'any' as const,
  events: [{ type: 'agent.step-recorded' as const, data: { agentId, action: 'ls' } }],
});

/** Before every event of these tests, also by a clock that is a minute behind. */
const BEGAN = new Date(Date.now() - 60_000).toISOString();

/** The events of an aggregate in the log; a page may be empty before the log's end. */
async function loggedOf(aggregateId: string): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = [];
  for (let page = await client.readLog({ aggregateId, from: BEGAN }); ; ) {
    found.push(...page.events);
    if (page.caughtUp) return found;
    page = await client.readLog({ aggregateId, after: page.next, from: BEGAN });
  }
}

describe('a transaction', () => {
  it('is written whole, answered again under its key, and shown by streams, log and views', async () => {
    const [a, b, c] = [ulid(), ulid(), ulid()];
    const idempotencyKey = ulid();
    const transaction = { appends: [created(a), created(b)], checks: [{ streamId: `agent-${c}`, version: 0 }] };
    const first = await client.transact(transaction, { idempotencyKey });
    expect(first).toMatchObject({ results: [{ toVersion: 1 }, { toVersion: 1 }], repeated: false });
    expect(await client.transact(transaction, { idempotencyKey })).toEqual({ ...first, repeated: true });
    const metadata = { transaction: { id: first.transactionId, size: 2 } };
    for (const id of [a, b]) {
      expect((await client.readStream(`agent-${id}`)).events).toMatchObject([{ metadata }]);
      expect(await client.agents.get(id, { waitFor: 1 })).toMatchObject({ state: 'created' });
      await vi.waitFor(async () => expect(await loggedOf(id)).toMatchObject([{ metadata }]), { timeout: 45_000 });
    }
  });

  it('writes nothing when a stream has moved, and names it', async () => {
    const [a, b] = [ulid(), ulid()];
    await client.transact({ appends: [created(a)] });
    await expect(client.transact({ appends: [created(b), created(a)] })).rejects.toMatchObject({ status: 409 });
    const checks = [{ streamId: `agent-${a}`, version: 5 }];
    await expect(client.transact({ appends: [created(b)], checks })).rejects.toMatchObject({
      code: 'CONCURRENCY_CONFLICT',
    });
    await expect(client.readStream(`agent-${b}`)).rejects.toMatchObject({ status: 404 });
  });

  it('and ordinary appends to its streams at once all win', async () => {
    const [a, b] = [ulid(), ulid()];
    await client.transact({ appends: [created(a), created(b)] });
    const { streamId, ...append } = step(a);
    await Promise.all([
      ...Array.from({ length: 4 }, () => client.transact({ appends: [step(a), step(b)] })),
      ...Array.from({ length: 4 }, () => client.append(streamId, append)),
    ]);
    expect((await client.readStream(`agent-${a}`)).version).toBe(9);
    expect((await client.readStream(`agent-${b}`)).version).toBe(5);
  });
});
