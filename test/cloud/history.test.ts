import { ulid } from 'ulid';
import { expect, inject, it } from 'vitest';
import { openBucket } from '../../adapters/aws/s3/client.ts';
import { noise } from '../support/sample-events.ts';
import { deployedClient } from './client.ts';

const client = deployedClient();
const objects = openBucket(inject('deployment').objectsBucket);
const keys = async (folder: string) => (await Array.fromAsync(objects.list(folder))).map(({ key }) => key);

const agent = async (): Promise<string> => {
  const agentId = ulid();
  await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
  return agentId;
};

it('a long stream gets snapshots, from which commands and views of the past go on', async () => {
  const agentId = await agent();
  const stream = `agent-${agentId}`;
  for (let version = 1; version < 301; version += 10) {
    const events = Array.from({ length: 10 }, (_, index) => ({
      type: 'agent.step-recorded' as const,
      data: { agentId, action: `step ${version + index}`, usage: { tokens: 1 } },
    }));
    await client.append(stream, { expectedVersion: version, events });
  }
  const kept = (fold: string) =>
    expect.poll(() => keys(`snapshots/${fold}/${stream}/`), { timeout: 30_000 }).toHaveLength(3);
  await kept('state.agent');
  await kept('view.agent-status');
  expect(await client.agents.recordStep(agentId, { action: 'after snapshots' })).toMatchObject({ version: 302 });
  expect(await client.agents.get(agentId, { version: 250 })).toMatchObject({ steps: 249, usage: { tokens: 249 } });
  expect(await client.agents.get(agentId, { waitFor: 302 })).toMatchObject({
    steps: 301,
    lastAction: 'after snapshots',
  });
});

it('an observation of megabytes lies in the bucket, and readers get it whole', async () => {
  const agentId = await agent();
  const observation = noise(1_500_000);
  await client.agents.recordStep(agentId, { action: 'dump', observation });
  expect(await keys(`large-events/agent-${agentId}/`)).toHaveLength(1);
  expect(await client.agents.get(agentId, { waitFor: 2 })).toMatchObject({ steps: 1, lastAction: 'dump' });
  const { events } = await client.readStream(`agent-${agentId}`, { from: 2 });
  expect(events).toMatchObject([{ data: { observation } }]);
});

it('a fork continues from its parent, and is compared with it', async () => {
  const parent = await agent();
  for (const action of ['plan', 'edit']) await client.agents.recordStep(parent, { action });
  const { agentId } = await client.agents.fork(parent, { atVersion: 2 });
  await client.agents.recordStep(agentId, { action: 'rewrite' });
  expect(await client.agents.get(agentId, { waitFor: 2 })).toMatchObject({
    steps: 2,
    forkedFrom: { agentId: parent, version: 2 },
  });
  const { common, steps } = await client.agents.diff(agentId, { with: parent });
  expect(common).toEqual({ agentId: parent, version: 2 });
  expect(steps).toMatchObject([
    { kind: 'changed', left: { agentId, version: 2 }, right: { agentId: parent, version: 3 } },
  ]);
});
