import { expect, it } from 'vitest';
import { newStream } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

const created = (stream: string, metadata: object) => {
  const data = { agentId: stream.slice('agent-'.length), agentType: 'a', configuration: {}, createdBy: 'b' };
  return { type: 'agent.created', data, metadata };
};

it.each(['recordedAt', 'trace', 'principal'])('%s is a reserved name in the metadata of an event', async (name) => {
  const stream = newStream();
  const events = [created(stream, { [name]: 'mine' })];
  const refused = await post(`/streams/${stream}/events`, { expectedVersion: 0, events });
  expect(refused).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  const errors = [{ path: `events.0.metadata.${name}`, message: expect.stringContaining('reserved') }];
  expect(refused.body.errors).toEqual(errors);
  const { body } = await post('/events:batch', { appends: [{ streamId: stream, expectedVersion: 0, events }] });
  expect(body.results).toMatchObject([{ status: 422, problem: { errors } }]);
  expect((await get(`/streams/${stream}/events`)).status).toBe(404);
});

it('metadata keeps other names, and reserved names in nested objects', async () => {
  const stream = newStream();
  const metadata = { recordedat: 1, traceId: 'x', notes: { trace: 'y', principal: null, recordedAt: 'z' } };
  await post(`/streams/${stream}/events`, { expectedVersion: 0, events: [created(stream, metadata)] });
  const { body } = await get(`/streams/${stream}/events`);
  expect(body.events[0].metadata).toMatchObject({ ...metadata, recordedAt: expect.stringMatching(/^20/) });
});
