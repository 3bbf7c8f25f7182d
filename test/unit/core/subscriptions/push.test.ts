import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { Webhooks } from '../../../../adapters/web/webhook.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { StateReader } from '../../../../core/state/state-reader.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { SubscriptionOperations } from '../../../../core/subscriptions/operations.ts';
import { Push } from '../../../../core/subscriptions/push.ts';
import { PushTargets } from '../../../../core/subscriptions/push-targets.ts';
import { newSecret } from '../../../../core/subscriptions/signature.ts';
import { Subscriptions } from '../../../../core/subscriptions/subscriptions.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryControlStore } from '../../../support/memory-control.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';
import { step } from '../../../support/sample-events.ts';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly subject: string;
  readonly sequence: number;
}

const received: Received[] = [];
let answer: (response: ServerResponse, of: Received) => void;
let url = '';
const ok = (response: ServerResponse) => response.writeHead(204).end();
const status =
  (code: number, headers = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end();

const server = createServer(async (request, response) => {
  const body = (await request.toArray()).join('');
  const { subject = '', sequence = 0 } = body ? JSON.parse(body) : {};
  const one = { headers: request.headers, body, subject, sequence: Number(sequence) };
  received.push(one);
  answer(response, one);
});
const webhooks = new Webhooks({ allowPrivate: true });

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`;
});
beforeEach(() => {
  received.length = 0;
  answer = ok;
});
afterEach(() => server.closeAllConnections());
afterAll(() => {
  webhooks.close();
  server.close();
});

const secret = newSecret();
const NAME = 'billing';

/** A subscription that pushes to the receiver, and the events of some streams. */
async function world({ restMs = 20, ackWithinSeconds = 30, maxRetries = 10, given = secret as string | null } = {}) {
  const commits = new MemoryCommitStorage();
  const store = new EventStore(commits, { catalogue });
  const partitioning = { storage: new MemoryLogStorage(), catalogue, strategy: 'single' } as const;
  const writer = new LogWriter({ ...partitioning, commits });
  const control = new MemoryControlStore();
  let ids = 0;
  const newId = () => String(++ids);
  const parts = { store, control, newId, log: new EventLog(partitioning), states: new StateReader({ store }) };
  const subscriptions = new Subscriptions(parts);
  const operations = new SubscriptionOperations(subscriptions, parts);
  const targets = new PushTargets(control);
  const logger = { warn: vi.fn() };
  const push = new Push({ subscriptions, operations, targets, sender: webhooks, logger, firstDelayMs: 2, restMs });
  const settings = { filter: {}, order: 'stream', maxRetries, ackWithinSeconds, from: 'start' } as const;
  const put = (to = url, by = given) =>
    operations.put(NAME, { ...settings, push: { url: to, secret: by ?? undefined } });
  const made = await put();
  const append = async (stream: string, count = 1) => {
    await store.append(
      stream,
      Array.from({ length: count }, (_, index) => step(`${index}`)),
      { expectedVersion: 'any' },
    );
    const all = await Array.fromAsync(store.commits(stream, { from: 1 }));
    await writer.append(all);
  };
  const run = () => push.run(NAME, { waitMs: 0 });
  const until = (check: () => void | Promise<void>) =>
    vi.waitFor(
      async () => {
        await run();
        await check();
      },
      { interval: 2 },
    );
  return { subscriptions, operations, targets, store, control, logger, put, made, append, run, until, settings };
}

it('sends CloudEvents in the order of each stream, signed, each once', async () => {
  const { append, until } = await world();
  await append('agent-1', 3);
  await append('agent-2', 2);
  await until(() => expect(received).toHaveLength(5));
  for (const stream of ['agent-1', 'agent-2']) {
    const numbers = received.filter(({ subject }) => subject === stream).map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.toSorted());
  }
  for (const { headers, body } of received) {
    expect(headers['content-type']).toContain('application/cloudevents+json');
    expect(JSON.parse(body)).toMatchObject({ specversion: '1.0', type: 'agent.step-recorded' });
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const key = Buffer.from(secret.slice(6), 'base64');
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(text).digest('base64')}`);
  }
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(5);
});

it('sends a failed event again, before the later events of its stream, under the same id', async () => {
  const { append, until } = await world();
  let failures = 2;
  answer = (response) => (failures-- > 0 ? status(500)(response) : ok(response));
  await append('agent-1', 2);
  await until(() => expect(received).toHaveLength(4));
  expect(received.map(({ sequence }) => sequence)).toEqual([1, 1, 1, 2]);
  expect(new Set(received.slice(0, 3).map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

it('does not follow redirects', async () => {
  const { append, until, operations } = await world({ maxRetries: 0 });
  answer = (response) => status(302, { location: `${url}/elsewhere` })(response);
  await append('agent-1');
  await until(async () => expect((await operations.status(NAME)).parked).toBe(1));
  expect(received).toHaveLength(1);
  const { parked } = await operations.parked(NAME, { limit: 1 });
  expect(parked).toMatchObject([{ id: 'agent-1', error: 'the receiver answered 302' }]);
});

it('a receiver that hangs counts as a failure before the delivery ends', async () => {
  const { append, run, operations } = await world({ ackWithinSeconds: 1, maxRetries: 0 });
  answer = () => {};
  await append('agent-1');
  await run();
  const { parked } = await operations.parked(NAME, { limit: 1 });
  expect(parked[0]?.error).toMatch(/^the receiver did not answer within \d+ ms$/);
});

it('410 pauses until the next PUT, and loses nothing', async () => {
  const { append, run, until, operations, put } = await world();
  answer = (response) => status(410)(response);
  await append('agent-1', 2);
  expect(await run()).toBeDefined();
  expect(await run()).toBeUndefined();
  expect((await operations.status(NAME)).definition.paused).toBe('the receiver answered 410');
  expect(received).toHaveLength(1);
  answer = ok;
  await put();
  await until(() => expect(received).toHaveLength(3));
});

it('gives a receiver that fails a rest, then tries a single event', async () => {
  const restMs = 60_000;
  const { append, run, logger } = await world({ restMs });
  answer = (response) => status(503)(response);
  for (let agent = 1; agent <= 6; agent++) await append(`agent-${agent}`);
  const first = await run();
  expect(first?.notBefore).toBeGreaterThan(Date.now());
  const { length } = received;
  expect((await run())?.sent).toBe(0);
  expect(received).toHaveLength(length);
  expect(logger.warn).toHaveBeenCalledOnce();
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + restMs + 1);
  expect((await run())?.sent).toBeLessThanOrEqual(1);
  now.mockRestore();
});

it('goes to the present URL, and shows a secret that was made only once', async () => {
  const { append, until, made, put, targets, store, control, operations } = await world({ given: null });
  expect(made.secret).toMatch(/^whsec_/);
  expect((await put(`${url}/moved`, null)).secret).toBeUndefined();
  expect(await targets.secret(NAME)).toBe(made.secret);
  await append('agent-1');
  await until(() => expect(received).toHaveLength(1));
  const history = await Array.fromAsync(store.read(`subscription-${NAME}`, { from: 1 }));
  expect(JSON.stringify(history)).not.toContain(made.secret);
  expect(JSON.stringify(await operations.status(NAME))).not.toContain(made.secret);
  await operations.remove(NAME);
  expect((await control.list('subscription-push', { limit: 10 })).items).toEqual([]);
});

it('a request that is refused changes no secret', async () => {
  const { operations, targets, settings } = await world();
  const push = { url, secret: newSecret() };
  await expect(operations.put(NAME, { ...settings, order: 'none', push })).rejects.toThrow('order');
  expect(await targets.secret(NAME)).toBe(secret);
});
