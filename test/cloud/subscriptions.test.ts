import { ulid } from 'ulid';
import { expect, it, vi } from 'vitest';
import { AnnalsRequestError, type SubscriptionSettings } from '../../client/client.ts';
import { deployedClient } from './client.ts';

const client = deployedClient();
const { subscriptions } = client;

/** On a busy machine deliveries come late, and others come first. */
const PATIENCE = { timeout: 90_000 };

/** A subscription to the steps of two new agents, which record two each. */
async function subscribed(settings: SubscriptionSettings) {
  const [a, b, correlationId] = [ulid(), ulid(), ulid()];
  const name = `s-${ulid().toLowerCase()}`;
  await subscriptions.put(name, {
    filter: { types: ['agent.step-recorded'], correlationId },
    from: 'end',
    ...settings,
  });
  for (const agentId of [a, b]) {
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'me' }, { correlationId });
    for (const action of ['plan', 'edit']) await client.agents.recordStep(agentId, { action }, { correlationId });
  }
  return { a, b, name };
}

/** Goes on behind a commit that another test damages on purpose. */
async function pastDamage(name: string, error: unknown): Promise<void> {
  if (!(error instanceof AnnalsRequestError) || error.next === undefined) throw error;
  await subscriptions.seek(name, error.next);
}

const next = (name: string) =>
  vi.waitFor(async () => {
    const [delivery] = await subscriptions.take(name, { max: 1, wait: 10 }).catch(async (error) => {
      await pastDamage(name, error);
      return [];
    });
    if (!delivery) throw new Error('nothing is delivered');
    return delivery;
  }, PATIENCE);

it('two consumers get each event once, the events of a stream in order', async () => {
  const { a, b, name } = await subscribed({ ackWithinSeconds: 120 });
  const seen: string[] = [];
  const stop = new AbortController();
  const consume = async (): Promise<void> => {
    try {
      for await (const { event, ack } of subscriptions.consume(name, { max: 2, signal: stop.signal })) {
        seen.push(`${event.aggregateId} ${event.sequenceNumber}`);
        expect(await ack()).toEqual({ settled: 1, refused: [] });
        if (seen.length === 4) stop.abort();
      }
    } catch (error) {
      await pastDamage(name, error);
      await consume();
    }
  };
  await Promise.all([consume(), consume()]);
  for (const id of [a, b]) expect(seen.filter((text) => text.startsWith(id))).toEqual([`${id} 2`, `${id} 3`]);
  expect(await subscriptions.get(name)).toMatchObject({ inFlight: 0, waiting: 0, parked: 0 });
  await subscriptions.remove(name);
});

it('a delivery without an answer comes again, and then its first token is refused', async () => {
  const { name } = await subscribed({ ackWithinSeconds: 1, order: 'none', shards: 1 });
  const first = await next(name);
  const again = await vi.waitFor(async () => {
    const delivery = await next(name);
    expect(delivery.event.id).toBe(first.event.id);
    return delivery;
  }, PATIENCE);
  expect(again.attempt).toBeGreaterThan(1);
  await expect(subscriptions.ack(name, [first.token])).rejects.toMatchObject({ code: 'DELIVERY_LOST' });
  await subscriptions.remove(name);
});

it('a parked event stops its stream until it is redriven', async () => {
  const { name } = await subscribed({ maxRetries: 0, ackWithinSeconds: 120, shards: 1 });
  const { token, event } = await next(name);
  expect(event.sequenceNumber).toBe(2);
  await subscriptions.nack(name, [token], { reason: 'the bank is closed' });
  const id = `agent-${event.aggregateId}`;
  const { parked } = await subscriptions.parked(name);
  expect(parked).toMatchObject([{ id, sequenceNumber: 2, error: 'the bank is closed' }]);
  for (const sequenceNumber of [2, 3]) {
    const other = await next(name);
    expect(other.event).toMatchObject({ sequenceNumber });
    expect(other.event.aggregateId).not.toBe(event.aggregateId);
    await subscriptions.ack(name, [other.token]);
  }
  expect(await subscriptions.take(name)).toEqual([]);
  expect(await subscriptions.redrive(name)).toMatchObject({ redriven: [id] });
  for (const sequenceNumber of [2, 3]) {
    const redriven = await next(name);
    expect(redriven.event).toMatchObject({ aggregateId: event.aggregateId, sequenceNumber });
    await subscriptions.ack(name, [redriven.token]);
  }
  expect(await subscriptions.get(name)).toMatchObject({ inFlight: 0, waiting: 0, parked: 0 });
  await subscriptions.remove(name);
});
