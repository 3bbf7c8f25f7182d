import { expect, it, vi } from 'vitest';
import { noise } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, logger } = servedApi();

const BYTES = 389_500;
const large = { text: noise(BYTES) };

it('a configuration of 389,500 bytes is complete in views: live, in the past, in lists and after a rebuild', async () => {
  const agent = { agentId: 'large', agentType: 'coder', configuration: large, createdBy: 'ops' };
  expect((await post('/agents', agent)).status).toBe(201);
  const first = await get('/agents/large?waitFor=1');
  expect(first).toMatchObject({ status: 200, body: { configuration: large, version: 1 } });
  for (let n = 0; n < 3; n++) await post('/agents/large/steps', { action: 'edit', usage: { inputTokens: 5 } });
  const now = await get('/agents/large?waitFor=4');
  expect(now.body).toMatchObject({ configuration: large, steps: 3, version: 4 });
  expect((await get('/agents/large?version=1')).body).toEqual(first.body);
  expect((await get(`/agents/large?at=${new Date().toISOString()}`)).body).toEqual(now.body);
  expect((await get('/projections/agent-status/large')).body).toEqual(now.body);
  for (let n = 0; n < 8; n++) await post('/agents', { ...agent, agentId: `large-${n}` });
  await get('/agents/large-7?waitFor=1');
  const listed: string[] = [];
  for (let query = 'limit=100'; ; ) {
    const { body } = await get(`/agents?${query}`);
    for (const { agentId, configuration } of body.agents) if (configuration.text === large.text) listed.push(agentId);
    if (body.next === null) break;
    query = `limit=100&cursor=${body.next}`;
  }
  expect(listed).toEqual(['large', ...Array.from({ length: 8 }, (_, n) => `large-${n}`)]);
  const { rebuildId } = (await post('/projections/agent-status/rebuilds', {})).body;
  const rebuild = () => get(`/projections/agent-status/rebuilds/${rebuildId}`);
  await vi.waitFor(async () => expect((await rebuild()).body).toMatchObject({ state: 'switched', failed: 0 }), 10_000);
  expect((await get('/agents/large')).body).toEqual(now.body);
});

it('every view appears when any member of an event is large', async () => {
  const task = { taskId: 'large', requiredAgents: ['a', 'b'], payload: large, deadlineSeconds: 60 };
  expect((await post('/tasks', task)).status).toBe(202);
  const done = { agentId: 'a', result: large, duration: 1, resources: { note: large.text } };
  expect((await post('/tasks/large/completions', done)).status).toBe(201);
  expect((await post('/tasks/large/failures', { agentId: 'b', error: large })).status).toBe(201);
  await vi.waitFor(
    async () => expect((await get('/tasks/large')).body).toMatchObject({ state: 'failed', error: large }),
    5_000,
  );
  await vi.waitFor(async () => expect((await get('/sagas/multi-agent-task:large')).body.state).toBe('FAILED'), 5_000);

  const workflow = { workflowId: 'large', workflowType: 'w', initiatedBy: 'ops', parameters: large };
  expect((await post('/workflows', workflow)).status).toBe(201);
  expect(
    (await post('/workflows/large/steps', { stepId: 's', stepType: 't', output: large, nextStep: 'u' })).status,
  ).toBe(201);
  expect((await get('/workflows/large?waitFor=2')).body).toMatchObject({ parameters: large, steps: 1 });

  const text = large.text.slice(0, 380_000);
  const data = { agentId: 'noted', agentType: 'coder', configuration: {}, createdBy: 'ops', metadata: { text } };
  const events = [
    { type: 'agent.created', data, metadata: { text } },
    { type: 'agent.step-recorded', data: { agentId: 'noted', thought: text, action: text, observation: text } },
  ];
  expect((await post('/streams/agent-noted/events', { expectedVersion: 0, events })).status).toBe(201);
  expect((await get('/agents/noted?waitFor=2')).body).toMatchObject({ steps: 1 });
  expect((await get('/dead-letters')).body.deadLetters).toEqual([]);
  expect(logger.error).not.toHaveBeenCalled();
});
