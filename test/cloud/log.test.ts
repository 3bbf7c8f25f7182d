import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { addressed, step } from '../support/sample-events.ts';
import { ask, deployedClient } from './client.ts';

interface LogPage {
  readonly events: readonly { readonly id: string; readonly type: string; readonly aggregateId: string }[];
  readonly next: string;
  readonly caughtUp: boolean;
}

const client = deployedClient();

async function page(query: Readonly<Record<string, string>>): Promise<LogPage> {
  const answer = await ask('GET', `/events?${new URLSearchParams(query)}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as LogPage;
}

/** The log from a position on, until `enough` is satisfied with the events of some aggregates. */
async function follow(after: string, ids: readonly string[], enough: number, query: Record<string, string> = {}) {
  const found: LogPage['events'][number][] = [];
  let position = after;
  for (const end = Date.now() + 90_000; found.length < enough && Date.now() < end; ) {
    const { events, next } = await page({ limit: '100', wait: '10', ...query, after: position });
    found.push(...events.filter(({ aggregateId }) => ids.includes(aggregateId)));
    position = next;
  }
  return found;
}

/** Where the log ends now. */
async function end(): Promise<string> {
  let { next, caughtUp } = await page({ limit: '1', from: new Date().toISOString() });
  while (!caughtUp) ({ next, caughtUp } = await page({ limit: '1', from: new Date().toISOString(), after: next }));
  return next;
}

describe('the log', () => {
  it('has the events of all streams in one order, each stream in its order, every event once', async () => {
    const start = await end();
    const ids = Array.from({ length: 4 }, () => ulid());
    const written = await Promise.all(
      ids.map(async (agentId) => {
        const first = await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
        const more = addressed(`agent-${agentId}`, [step('one'), step('two'), step('three')]);
        await client.append(`agent-${agentId}`, { expectedVersion: first.version, events: more });
        return (await client.readStream(`agent-${agentId}`)).events.map(({ id }) => id);
      }),
    );
    const found = await follow(start, ids, 16);
    for (const [index, agentId] of ids.entries()) {
      expect(found.filter(({ aggregateId }) => aggregateId === agentId).map(({ id }) => id)).toEqual(written[index]);
    }
  });

  it('reads the same again from the same position', async () => {
    const start = await end();
    const agentId = ulid();
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
    const first = await follow(start, [agentId], 1);
    expect(await follow(start, [agentId], 1)).toEqual(first);
  });

  it('can be had by type', async () => {
    const start = await end();
    const agentId = ulid();
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
    await client.agents.recordStep(agentId, { action: 'edit' });
    const found = await follow(start, [agentId], 1, { type: 'agent.step-recorded' });
    expect(found.map(({ type }) => type)).toEqual(['agent.step-recorded']);
  });
});
