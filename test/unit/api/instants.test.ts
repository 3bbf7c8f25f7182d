import { describe, expect, it, vi } from 'vitest';
import { newStream } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

const OUTSIDE = ['9999-12-31T23:59:59-05:00', '0001-01-01T00:00:00+01:00', '0000-01-01T00:00:00Z'];
const RULE = /years 0001 to 9999/;

describe('an instant outside of the years 0001 to 9999 of UTC', () => {
  it.each(OUTSIDE)('%s is refused as the time of an event and in its data', async (timestamp) => {
    const id = newStream().slice('agent-'.length);
    const data = { agentId: id, agentType: 'a', configuration: {}, createdBy: 'b' };
    const created = { type: 'agent.created', timestamp, data };
    const moved = { agentId: id, previousState: 'created', newState: 'idle', reason: 'r', timestamp };
    for (const [events, place] of [
      [[created], 'events.0.timestamp'],
      [
        [
          { type: 'agent.created', data },
          { type: 'agent.state-changed', data: moved },
        ],
        'events.1.data.timestamp',
      ],
    ] as const) {
      const refused = await post(`/streams/agent-${id}/events`, { expectedVersion: 0, events });
      expect(refused).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
      expect(refused.body.errors).toEqual([{ path: place, message: expect.stringMatching(RULE) }]);
    }
    const { body } = await post('/events:batch', { appends: [{ streamId: `agent-${id}`, events: [created] }] });
    expect(body.results).toMatchObject([{ status: 422 }]);
  });

  it.each(OUTSIDE)('%s is refused in every query and replay', async (time) => {
    const text = encodeURIComponent(time);
    for (const path of [
      `/events?from=${text}`,
      `/events?to=${text}`,
      `/agents/x?at=${text}`,
      `/projections/agent-status?at=${text}`,
      `/projections/fleet-overview/all?at=${text}`,
    ]) {
      const { status, body } = await get(path);
      expect([status, body.errors?.[0].message], path).toEqual([422, expect.stringMatching(RULE)]);
    }
    for (const scope of [{ from: time }, { to: time }]) {
      const { status, body } = await post('/replays', { projection: 'agent-status', ...scope });
      expect([status, body.errors?.[0].message]).toEqual([422, expect.stringMatching(RULE)]);
    }
  });
});

it('streams and views show an event of the year 1 or 9999 in UTC with milliseconds', async () => {
  const id = newStream().slice('agent-'.length);
  const event = (type: string, timestamp: string, data: object) => ({
    type,
    timestamp,
    data: { agentId: id, ...data },
  });
  const state = { previousState: 'created', newState: 'idle', reason: 'r' };
  const events = [
    event('agent.created', '9999-12-31T18:59:59.999999-05:00', { agentType: 'a', configuration: {}, createdBy: 'b' }),
    event('agent.state-changed', '0001-01-01T00:00:00Z', state),
  ];
  expect((await post(`/streams/agent-${id}/events`, { expectedVersion: 0, events })).status).toBe(201);
  const read = (await get(`/streams/agent-${id}/events`)).body.events;
  const [last, first] = ['9999-12-31T23:59:59.999Z', '0001-01-01T00:00:00.000Z'];
  expect(read.map(({ timestamp }: { timestamp: string }) => timestamp)).toEqual([last, first]);
  expect((await get(`/agents/${id}?waitFor=2`)).body).toMatchObject({ createdAt: first, lastUpdated: last });
});

it('a time range selects events to the stored millisecond', async () => {
  const id = newStream();
  const appended = await post(`/streams/${id}/events`, {
    expectedVersion: 0,
    events: [
      { type: 'agent.created', data: { agentId: id.slice(6), agentType: 'a', configuration: {}, createdBy: 'b' } },
    ],
  });
  const { recordedAt } = appended.body;
  const ids = async (query: string) => {
    const { body } = await get(`/events?${query}`);
    return body.events.map(({ aggregateId }: { aggregateId: string }) => `agent-${aggregateId}`);
  };
  await vi.waitFor(async () => expect(await ids(`from=${recordedAt}`)).toContain(id));
  const finer = recordedAt.replace('Z', '9Z');
  expect(await ids(`from=${finer}`)).not.toContain(id);
  expect(await ids(`to=${finer}`)).toContain(id);
  expect(await ids(`from=${recordedAt.replace('Z', '000Z')}`)).toContain(id);
});
