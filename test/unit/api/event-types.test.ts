import { describe, expect, it } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { call, get, post } = servedApi();

const ORDER = { aggregateType: 'order', schema: { type: 'object', properties: { sku: { type: 'string' } } } };
const register = (type: string, body: object = ORDER) => call('PUT', `/event-types/${type}`, { body });
const placed = (data: object) => ({ expectedVersion: 'any', events: [{ type: 'order.placed', data }] });

describe('PUT /event-types/{type}', () => {
  it('registers a type, whose events streams, log and filters then have', async () => {
    expect(await register('order.placed')).toMatchObject({ status: 201, body: { version: 1, declared: false } });
    expect(await register('order.placed')).toMatchObject({ status: 200, body: { version: 1 } });
    expect(await post('/streams/order-1/events', placed({ sku: 'a' }))).toMatchObject({ status: 201 });
    const refused = await post('/streams/order-1/events', placed({ sku: 1 }));
    expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: 'events.0.data.sku' }] });
    const stream = await get('/streams/order-1/events');
    expect(stream.body.events).toMatchObject([{ type: 'order.placed', version: 1, data: { sku: 'a' } }]);
    for (const filter of [
      'type=order.placed',
      'aggregateType=order',
      'aggregateId=1&type=agent.created,order.placed',
    ]) {
      const found = async () => (await get(`/events?${filter}`)).body.events;
      await expect.poll(found).toMatchObject([{ data: { sku: 'a' } }]);
    }
    expect(await get('/events?type=order.palced')).toMatchObject({ status: 422 });
  });

  it('names the first place where a schema takes less than before', async () => {
    await register('order.shipped');
    const narrower = { ...ORDER, schema: { ...ORDER.schema, required: ['sku'] } };
    expect((await register('order.shipped', narrower)).body).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: 'schema.required', message: 'asks for sku, which was optional' }],
    });
    expect(await register('order.shipped', { ...narrower, compatibility: 'none' })).toMatchObject({ status: 201 });
    const first = await get('/event-types/order.shipped?version=1');
    expect(first.body).toMatchObject({ version: 1, schema: ORDER.schema, compatibility: 'backward' });
    expect((await get('/event-types/order.shipped')).body).toMatchObject({ version: 2, compatibility: 'none' });
  });

  it.each<[string, type: string, body: object, status: number, code: string]>([
    ['a name that is none', 'order', ORDER, 400, 'INVALID_ID'],
    ['a name of 1,000 characters', `a.${'b'.repeat(998)}`, ORDER, 400, 'INVALID_ID'],
    ['a name of the prototype', 'order.__proto__', ORDER, 400, 'INVALID_ID'],
    ['a declared type', 'agent.created', ORDER, 409, 'COMMAND_REJECTED'],
    ['a subject of declared types', 'agent.moved', ORDER, 422, 'VALIDATION_FAILED'],
    [
      'an aggregate type that a module declares',
      'order.x',
      { ...ORDER, aggregateType: 'task' },
      409,
      'COMMAND_REJECTED',
    ],
    ['an aggregate type that is none', 'order.x', { ...ORDER, aggregateType: 'Order-1' }, 422, 'VALIDATION_FAILED'],
    ['a schema that is none', 'order.x', { ...ORDER, schema: { type: 'no' } }, 422, 'VALIDATION_FAILED'],
    ['a schema that the compiler refuses', 'order.x', { ...ORDER, schema: { enum: [] } }, 422, 'VALIDATION_FAILED'],
    ['no schema', 'order.x', { aggregateType: 'order' }, 422, 'VALIDATION_FAILED'],
    ['a schema that is no object', 'order.x', { ...ORDER, schema: true }, 422, 'VALIDATION_FAILED'],
    ['a member too many', 'order.x', { ...ORDER, version: 3 }, 422, 'VALIDATION_FAILED'],
  ])('refuses %s', async (_, type, body, status, code) => {
    expect(await register(type, body)).toMatchObject({ status, body: { code } });
  });

  it('refuses a member with the name __proto__', async () => {
    const raw = '{"aggregateType":"order","schema":{"properties":{"__proto__":{}}}}';
    const headers = { 'content-type': 'application/json' };
    expect(await call('PUT', '/event-types/order.x', { raw, headers })).toMatchObject({ status: 400 });
  });

  it('is the only way to register', async () => {
    const data = { type: 'order.forged', ...ORDER, version: 1, compatibility: 'none' };
    const body = { expectedVersion: 0, events: [{ type: 'eventtype.registered', data }] };
    expect(await post('/streams/eventtype-order.forged/events', body)).toMatchObject({ status: 403 });
  });
});

it('GET /event-types lists declared types, then those that are registered', async () => {
  for (const type of ['shop.opened', 'shop.closed']) await register(type, { ...ORDER, description: 'A shop.' });
  await register('shop.closed', { ...ORDER, schema: {} });
  const all = async (limit: number) => {
    const found: { type: string; declared: boolean; version: number }[] = [];
    for (let next = ''; ; ) {
      const { body } = await get(`/event-types?limit=${limit}${next && `&cursor=${next}`}`);
      found.push(...body.eventTypes);
      if (body.next === null) return found;
      next = body.next;
    }
  };
  const registered = async () => (await all(1_000)).filter(({ type }) => type.startsWith('shop.'));
  const shop = { aggregateType: 'order', declared: false };
  await expect.poll(registered).toEqual([
    { ...shop, type: 'shop.closed', version: 2 },
    { ...shop, type: 'shop.opened', version: 1, description: 'A shop.' },
  ]);
  const types = (await all(1_000)).map(({ type }) => type);
  expect(types[0]).toBe('agent.created');
  expect((await all(7)).map(({ type }) => type)).toEqual(types);
});

describe('GET /event-types/{type}', () => {
  it('shows the schema of a declared type', async () => {
    const { body } = await get('/event-types/agent.forked');
    expect(body).toMatchObject({ declared: true, aggregateType: 'agent', version: 2, compatibility: null });
    expect(body.schema).toMatchObject({ type: 'object', required: ['agentId', 'parentId', 'atVersion'] });
  });

  it('knows no other type and no other version', async () => {
    for (const path of ['order.none', 'agent.forked?version=7', 'order.none?version=1']) {
      expect(await get(`/event-types/${path}`)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });
});
