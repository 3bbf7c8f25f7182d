import { expect, it } from 'vitest';
import { noise } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

it('an observation of 4 MB is recorded, counted in views, and read from its stream and from the log', async () => {
  await post('/agents', { agentId: 'l', agentType: 'coder', configuration: {}, createdBy: 'me' });
  const observation = noise(4_000_000);
  const step = { action: 'cat core.dump', observation, usage: { tokens: 9 } };
  expect(await post('/agents/l/steps', step)).toMatchObject({ status: 201, body: { version: 2 } });
  expect((await get('/agents/l?waitFor=2')).body).toMatchObject({ steps: 1, usage: { tokens: 9 }, version: 2 });
  const { events } = (await get('/streams/agent-l/events?from=2')).body;
  expect(events).toMatchObject([{ data: { observation } }]);
  await expect
    .poll(async () => (await get('/events?type=agent.step-recorded')).body.events)
    .toMatchObject([{ aggregateId: 'l', data: { observation } }]);
  expect((await get('/health')).body.status).toBe('ok');
});
