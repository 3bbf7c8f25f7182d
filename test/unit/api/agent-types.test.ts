import { expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

it('the fleet overview counts agents beyond 100 types as `other`: live, in the past, after a rebuild and in a verification', async () => {
  for (let n = 0; n < 130; n += 1) {
    const agent = { agentId: `a${n}`, agentType: `type-${n}`, configuration: {}, createdBy: 'me' };
    expect((await post('/agents', agent)).status).toBe(201);
  }
  const overview = async (query = '') => (await get(`/projections/fleet-overview/all${query}`)).body;
  const total = (counts: Record<string, number> = {}) => Object.values(counts).reduce((sum, count) => sum + count, 0);
  await vi.waitFor(async () => expect(total((await overview()).agentsByType)).toBe(130), 10_000);
  const live = await overview();
  expect([Object.keys(live.agentsByType).length, live.agentsByType.other]).toEqual([101, 30]);
  expect(await overview(`?at=${new Date().toISOString()}`)).toEqual(live);

  const { body: rebuild } = await post('/projections/fleet-overview/rebuilds', {});
  const state = async () => (await get(`/projections/fleet-overview/rebuilds/${rebuild.rebuildId}`)).body.state;
  await vi.waitFor(async () => expect(await state()).toBe('switched'), 30_000);
  expect(await overview()).toEqual(live);

  const { body } = await post('/verifications', undefined);
  const verification = async () => (await get(`/verifications/${body.verificationId}`)).body;
  await vi.waitFor(async () => expect((await verification()).state).toBe('done'), 30_000);
  expect((await verification()).differences).toEqual([]);
});
