import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ulid } from 'ulid';
import { describe, expect, inject, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { ask, deployedClient } from './client.ts';

const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 45_000, interval: 500 });
// biome-ignore lint/suspicious/noExplicitAny: whatever JSON came; the test says what it expects
const get = async (path: string): Promise<any> => (await ask('GET', path)).json();

const { eventsTable } = inject('deployment');
const encoded = (events: unknown) => Buffer.concat([Buffer.of(0), Buffer.from(JSON.stringify(events))]);

/** Writes a commit of one unreadable event, which no append would write. */
async function putDamaged(stream: string, version: number): Promise<void> {
  const Item = {
    stream: { S: `main/${stream}` },
    version: { N: String(version) },
    count: { N: '1' },
    commitId: { S: ulid() },
    recordedAt: { S: new Date().toISOString() },
    types: { SS: ['agent.step-recorded'] },
    body: { B: Buffer.from('?') },
  };
  await dynamoDb().send(new PutItemCommand({ TableName: eventsTable, Item }));
}

async function repair(stream: string, version: number, agentId: string): Promise<void> {
  const timestamp = new Date().toISOString();
  const event = { id: ulid(), type: 'agent.step-recorded', version: 1, timestamp, source: 'test' };
  const body = encoded([{ ...event, data: { agentId, action: 'repaired' } }]);
  await dynamoDb().send(
    new UpdateItemCommand({
      TableName: eventsTable,
      Key: { stream: { S: `main/${stream}` }, version: { N: String(version) } },
      UpdateExpression: 'SET body = :body',
      ExpressionAttributeValues: { ':body': { B: body } },
    }),
  );
}

describe('a commit that cannot be read', () => {
  it('becomes a dead letter of each projection, blocks nothing else, and is redriven', async () => {
    const client = deployedClient();
    const [agentId, other] = [ulid(), ulid()];
    const agent = { agentType: 'coder', configuration: {}, createdBy: 'test' };
    await client.agents.create({ agentId, ...agent });
    await putDamaged(`agent-${agentId}`, 2);
    await client.agents.create({ agentId: other, ...agent });
    await eventually(async () => expect(await get(`/agents/${other}`)).toMatchObject({ version: 1 }));
    const ids = [`agent-status:agent-${agentId}`, `fleet-overview:agent-${agentId}`];
    for (const id of ids) {
      await eventually(async () => expect(await get(`/dead-letters/${id}`)).toMatchObject({ applied: 1, version: 2 }));
    }
    expect(await get(`/agents/${agentId}`)).toMatchObject({ version: 1, steps: 0 });

    await repair(`agent-${agentId}`, 2, agentId);
    for (const id of ids) {
      const answer = await ask('POST', `/dead-letters/${id}/redrive`);
      expect(await answer.json()).toMatchObject({ id, outcome: 'redriven', from: 1, to: 2 });
    }
    expect(await get(`/agents/${agentId}`)).toMatchObject({ version: 2, steps: 1, lastAction: 'repaired' });
  });
});

describe('a view that many streams feed', () => {
  it('counts the additions of each stream', async () => {
    const client = deployedClient();
    const agentType = `type-${ulid()}`;
    for (let n = 0; n < 3; n++) {
      const { agentId } = await client.agents.create({ agentType, configuration: {}, createdBy: 'test' });
      await client.agents.recordStep(agentId, { action: 'read', usage: { tokens: 100 } });
    }
    await eventually(async () => {
      const { agentsByType, stepsByType, tokensByType } = await get('/projections/fleet-overview/all');
      expect([agentsByType[agentType], stepsByType[agentType], tokensByType[agentType]]).toEqual([3, 3, 300]);
    });
  });
});
