import { beforeAll, expect, it } from 'vitest';
import { type AnnalsClient, createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

const api = servedApi();
let client: AnnalsClient;
beforeAll(async () => {
  client = createClient({ url: api.url() });
  for (const agentId of ['a', 'b']) {
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'me' });
    for (const action of ['plan', 'edit']) await client.agents.recordStep(agentId, { action });
  }
});

const steps = { types: ['agent.step-recorded'] } as const;
const numbers = (
  deliveries: readonly { readonly event: { readonly aggregateId: string; readonly sequenceNumber: number } }[],
) => deliveries.map(({ event }) => `${event.aggregateId}${event.sequenceNumber}`).toSorted();

it('delivers each event once, and the events of a stream one after the other', async () => {
  await client.subscriptions.put('order', { filter: steps });
  const seen: string[] = [];
  const held = new Set<string>();
  const stop = new AbortController();
  for await (const { event, ack } of client.subscriptions.consume('order', { signal: stop.signal })) {
    expect(held).not.toContain(event.aggregateId);
    held.add(event.aggregateId);
    seen.push(`${event.aggregateId}${event.sequenceNumber}`);
    expect(await ack()).toEqual({ settled: 1, refused: [] });
    held.delete(event.aggregateId);
    if (seen.length === 4) stop.abort();
  }
  expect(seen.toSorted()).toEqual(['a2', 'a3', 'b2', 'b3']);
  expect(seen.indexOf('a2')).toBeLessThan(seen.indexOf('a3'));
  expect(await client.subscriptions.get('order')).toMatchObject({ inFlight: 0, waiting: 0, parked: 0 });
});

it('gives back what a loop did not take when it is left', async () => {
  await client.subscriptions.put('left', { filter: steps, shards: 1, maxRetries: 0 });
  const first: string[] = [];
  for await (const delivery of client.subscriptions.consume('left')) {
    first.push(...numbers([delivery]));
    await delivery.ack();
    break;
  }
  expect(first).toHaveLength(1);
  const rest = await client.subscriptions.take('left', { wait: 20 });
  expect([...first, ...numbers(rest)].toSorted()).toEqual(expect.arrayContaining(['a2', 'b2']));
  expect(rest.map(({ attempt }) => attempt)).toEqual(rest.map(() => 1));
  expect(await client.subscriptions.get('left')).toMatchObject({ parked: 0 });
});

it('parks, redrives, skips and seeks', async () => {
  const { subscriptions } = client;
  await subscriptions.put('care', { filter: { ...steps, aggregateId: 'a' } });
  const [first] = await subscriptions.take('care', { wait: 20 });
  await subscriptions.nack('care', [first?.token ?? ''], { action: 'park', reason: 'no account' });
  expect((await subscriptions.parked('care')).parked).toMatchObject([
    { id: 'agent-a', sequenceNumber: 2, error: 'no account' },
  ]);
  expect(await subscriptions.take('care')).toEqual([]);
  expect(await subscriptions.redrive('care')).toMatchObject({ redriven: ['agent-a'], more: false });
  const [again] = await subscriptions.take('care', { wait: 20 });
  expect(again?.event.sequenceNumber).toBe(2);
  await expect(subscriptions.ack('care', ['1.0.99.00000000'])).rejects.toThrow(/DELIVERY_LOST|deliveries are over/);
  await subscriptions.nack('care', [again?.token ?? ''], { action: 'park' });
  await subscriptions.skip('care', { parked: 'agent-a', sequenceNumber: 2, reason: 'done by hand' });
  const [next] = await subscriptions.take('care', { wait: 20 });
  expect(next?.event.sequenceNumber).toBe(3);
  expect(await subscriptions.seek('care', 'start')).toMatchObject({ inFlight: 1, position: null });
  await subscriptions.ack('care', [next?.token ?? '']);
  const [anew] = await subscriptions.take('care', { wait: 20 });
  expect(anew?.event.sequenceNumber).toBe(2);
  await subscriptions.remove('care');
  await expect(subscriptions.get('care')).rejects.toThrow(/no subscription care/);
});
