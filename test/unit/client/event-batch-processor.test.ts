import { describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { EventBatchProcessor } from '../../../client/event-batch-processor.ts';
import { addressed, newService as newStream, noise, reply } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { url, get, post, commits } = servedApi();
/** An event for a stream, with some text in it. */
const step = (stream: string, text: string) => addressed(stream, [reply(text)])[0] as ReturnType<typeof reply>;

function setup(options: { batchSize?: number; batchTimeoutMs?: number } = {}) {
  const requests: Request[] = [];
  const client = createClient({
    url: url(),
    retry: { attempts: 1 },
    fetch: (request) => {
      requests.push(request);
      return fetch(request);
    },
  });
  return { requests, client, batches: new EventBatchProcessor(client, { batchTimeoutMs: 60_000, ...options }) };
}

const actionsOf = async (stream: string) => {
  const { body } = await get(`/streams/${stream}/events?limit=1000`);
  return body.events.map(({ data }: { data: { response: string } }) => data.response);
};

describe('POST /events:batch', () => {
  it('appends to many streams, and has a result for each stream', async () => {
    const [streamA, streamB, streamC] = [newStream(), newStream(), newStream()];
    const appends = [
      { streamId: streamA, events: [step(streamA, 'a'), step(streamA, 'b')] },
      { streamId: streamB, expectedVersion: 7, events: [step(streamB, 'c')] },
      {
        streamId: streamC,
        events: [step(streamC, 'd'), { type: 'external-service.response', data: { serviceId: 1 } }],
      },
      { streamId: 'task-1', events: [step(streamA, 'e')] },
    ];
    const key = { 'idempotency-key': newStream() };
    const { status, body } = await post('/events:batch', { appends }, key);
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      { streamId: streamA, status: 201, fromVersion: 1, toVersion: 2 },
      { streamId: streamB, status: 409, problem: { code: 'CONCURRENCY_CONFLICT', actualVersion: 0 } },
      { streamId: streamC, status: 422, problem: { errors: [{ path: 'events.1.data.serviceId' }, {}, {}, {}, {}] } },
      { streamId: 'task-1', status: 422 },
    ]);
    const before = commits();
    const repeat = await post('/events:batch', { appends }, key);
    expect(repeat.body.results[0]).toEqual({ ...body.results[0], status: 200 });
    expect(commits()).toBe(before);
  });

  it('refuses a stream twice in a batch, and batches over the limits', async () => {
    const streamId = newStream();
    const entry = { streamId, events: [step(streamId, 'a')] };
    for (const appends of [
      [entry, entry],
      [],
      Array.from({ length: 101 }, () => ({ ...entry, streamId: newStream() })),
    ]) {
      expect((await post('/events:batch', { appends })).status).toBe(422);
    }
  });
});

describe('EventBatchProcessor', () => {
  it('sends a full batch immediately, with one commit for each stream, and tells each caller its version', async () => {
    const { batches, requests } = setup({ batchSize: 6 });
    const [streamA, streamB] = [newStream(), newStream()];
    const before = commits();
    const places = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) =>
        batches.addEvent(n % 3 ? streamA : streamB, step(n % 3 ? streamA : streamB, `${n}`)),
      ),
    );
    expect(requests).toHaveLength(1);
    expect(commits()).toBe(before + 2);
    expect(places.map(({ streamId, sequenceNumber }) => [streamId, sequenceNumber])).toEqual([
      [streamA, 1],
      [streamA, 2],
      [streamB, 1],
      [streamA, 3],
      [streamA, 4],
      [streamB, 2],
    ]);
    expect(await actionsOf(streamA)).toEqual(['1', '2', '4', '5']);
  });

  it('sends waiting events after the delay, and when it is closed', async () => {
    const stream = newStream();
    const soon = setup({ batchTimeoutMs: 20 });
    expect((await soon.batches.addEvent(stream, step(stream, 'a'))).sequenceNumber).toBe(1);
    const closing = setup();
    const place = closing.batches.addEvent(stream, step(stream, 'b'));
    await closing.batches.close();
    expect((await place).sequenceNumber).toBe(2);
    await expect(closing.batches.addEvent(stream, step(stream, 'c'))).rejects.toThrow('closed');
  });

  it('rejects an invalid event alone', async () => {
    const { batches } = setup();
    const [streamA, streamB] = [newStream(), newStream()];
    const bad = { type: 'external-service.response', data: { serviceId: 42 } } as never;
    const fates = [step(streamA, 'a'), bad, step(streamA, 'c'), step(streamA, 'd')].map((event) =>
      batches.addEvent(streamA, event),
    );
    const other = batches.addEvent(streamB, step(streamB, 'x'));
    const [settled] = await Promise.all([Promise.allSettled(fates), batches.flush()]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect((settled[1] as PromiseRejectedResult).reason).toMatchObject({ status: 422, code: 'VALIDATION_FAILED' });
    expect((await other).sequenceNumber).toBe(1);
    expect(await actionsOf(streamA)).toEqual(['a', 'c', 'd']);
  });

  it('divides a large batch into several requests', async () => {
    const { batches } = setup({ batchSize: 1_000 });
    const stream = newStream();
    const many = Array.from({ length: 250 }, (_, n) => batches.addEvent(stream, step(stream, `${n}`)));
    const large = Array.from({ length: 5 }, (_, n) => {
      const stream = newStream();
      return batches.addEvent(stream, step(stream, `${n}${noise(300_000)}`));
    });
    await batches.close();
    expect((await Promise.all(many)).map(({ sequenceNumber }) => sequenceNumber)).toEqual(many.map((_, n) => n + 1));
    expect(await Promise.all(large)).toHaveLength(5);
  });

  it('asks again for events without a result, and drops no event when the storage stays unavailable', async () => {
    const { client } = setup();
    const stream = newStream();
    let outages = 1;
    const appendBatch = vi.fn(async (...given: Parameters<typeof client.appendBatch>) => {
      const answer = await client.appendBatch(...given);
      if (outages-- <= 0) return answer;
      const problem = { code: 'UNAVAILABLE', detail: 'no answer' };
      return { ...answer, results: answer.results.map(({ streamId }) => ({ streamId, status: 503, problem })) };
    });
    const batches = new EventBatchProcessor({ appendBatch });
    const place = batches.addEvent(stream, step(stream, 'once'));
    await batches.flush();
    expect((await place).sequenceNumber).toBe(1);
    expect(appendBatch).toHaveBeenCalledTimes(2);
    expect(await actionsOf(stream)).toEqual(['once']);
    const gone = new EventBatchProcessor({ appendBatch: () => Promise.reject(new Error('nobody there')) });
    const lost = gone.addEvent(stream, step(stream, 'lost'));
    lost.catch(() => {});
    await gone.close();
    await expect(lost).rejects.toThrow('nobody there');
  });
});
