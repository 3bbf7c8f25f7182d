import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { ask, deployedClient } from './client.ts';

const client = deployedClient();
const body = (agentId: string) => ({
  agentId,
  agentType: 'coder',
  configuration: { model: 'large' },
  createdBy: 'test',
});

describe('a view', () => {
  it('follows its stream: a caller that waits reads its own write', async () => {
    const agentId = ulid();
    await client.agents.create(body(agentId));
    await client.agents.recordStep(agentId, { action: 'read', durationMs: 20, usage: { tokens: 100 } });
    const { version } = await client.agents.changeState(agentId, { newState: 'running', reason: 'work' });
    const view = await client.agents.get(agentId, { waitFor: version });
    expect(view).toMatchObject({
      agentId,
      state: 'running',
      steps: 1,
      durationMs: 20,
      usage: { tokens: 100 },
      version,
    });
  });

  it('can be had as it was', async () => {
    const agentId = ulid();
    await client.agents.create(body(agentId));
    await client.agents.changeState(agentId, { newState: 'running', reason: 'work' });
    expect(await client.agents.get(agentId, { version: 1 })).toMatchObject({ state: 'created', version: 1 });
    expect(await client.agents.get(agentId, { version: 2 })).toMatchObject({ state: 'running', version: 2 });
  });

  it('is listed under its state', async () => {
    const agentId = ulid();
    await client.agents.create(body(agentId));
    const { version } = await client.agents.changeState(agentId, { newState: 'waiting', reason: 'for a person' });
    await client.agents.get(agentId, { waitFor: version });
    const waiting: string[] = [];
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await client.agents.list({ state: 'waiting', limit: 100, ...(cursor ? { cursor } : {}) });
      waiting.push(...page.agents.map((agent) => agent.agentId));
      cursor = page.next ?? undefined;
    }
    expect(waiting).toContain(agentId);
  });

  it('of many streams comes to the end of each', async () => {
    const ids = Array.from({ length: 20 }, () => ulid());
    await Promise.all(
      ids.map(async (agentId) => {
        await client.agents.create(body(agentId));
        for (let step = 1; step <= 3; step++) await client.agents.recordStep(agentId, { action: `step ${step}` });
      }),
    );
    for (const agentId of ids) expect(await client.agents.get(agentId, { waitFor: 4 })).toMatchObject({ steps: 3 });
  });

  it('that is not there yet is not waited for without end', async () => {
    const agentId = ulid();
    await client.agents.create(body(agentId));
    const answer = await ask('GET', `/agents/${agentId}?waitFor=99`);
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ code: 'VIEW_BEHIND' });
  });
});
