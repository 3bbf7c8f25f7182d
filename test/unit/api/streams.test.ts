import { describe, expect, it } from 'vitest';
import { addressed, newService as newStream, reply as step, replies as steps } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { call, get, post, commits } = servedApi();
const append = (stream: string, expectedVersion: unknown, events: unknown, headers = {}) =>
  post(`/streams/${stream}/events`, { expectedVersion, events: addressed(stream, events) }, headers);

describe('POST /streams/{streamId}/events', () => {
  it('appends events as one commit, and answers with their versions', async () => {
    const stream = newStream();
    const before = commits();
    const { status, body, headers } = await append(stream, 0, steps(3), { 'x-correlation-id': 'talk-1' });
    expect(status).toBe(201);
    expect(headers.get('x-correlation-id')).toBe('talk-1');
    expect(headers.get('idempotent-replayed')).toBeNull();
    expect(body).toMatchObject({ streamId: stream, fromVersion: 1, toVersion: 3 });
    expect(new Set(body.eventIds).size).toBe(3);
    expect(commits()).toBe(before + 1);
  });

  it('keeps the envelope that the caller gives, and takes the rest from the headers', async () => {
    const stream = newStream();
    const given = { id: 'mine', timestamp: '2026-01-05T10:00:00.5+01:00', source: 'tool', metadata: { a: [1, null] } };
    await append(stream, 0, [{ ...step('a'), ...given }, step('b')], {
      'x-causation-id': 'cause',
      'x-correlation-id': 'c',
    });
    const { body } = await get(`/streams/${stream}/events`);
    expect(body.events[0]).toMatchObject({ ...given, timestamp: '2026-01-05T09:00:00.500Z', causationId: 'cause' });
    expect(body.events[1]).toMatchObject({ source: 'annals', correlationId: 'c', sequenceNumber: 2, version: 1 });
    expect(body.events[1].timestamp).toBe(body.events[1].metadata.recordedAt);
  });

  it('refuses a wrong expected version, names both versions, and writes nothing', async () => {
    const stream = newStream();
    await append(stream, 0, steps(2));
    const before = commits();
    for (const expected of [0, 1, 3]) {
      const { status, body } = await append(stream, expected, [step('late')]);
      expect(status).toBe(409);
      expect(body).toMatchObject({ code: 'CONCURRENCY_CONFLICT', expectedVersion: expected, actualVersion: 2 });
    }
    const missing = await append(newStream(), 'exists', [step('x')]);
    expect(missing.body).toMatchObject({ code: 'CONCURRENCY_CONFLICT', expectedVersion: 'exists', actualVersion: 0 });
    expect(commits()).toBe(before);
  });

  it('accepts one of many writers at the same version', async () => {
    const stream = newStream();
    const answers = await Promise.all(steps(20).map((event) => append(stream, 0, [event])));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    const any = await Promise.all(steps(20).map((event) => append(stream, 'any', [event])));
    expect(any.every(({ status }) => status === 201)).toBe(true);
    expect((await get(`/streams/${stream}/events`)).body.version).toBe(21);
  });

  it('answers a repeat with 200, the same body and the header Idempotent-Replayed', async () => {
    const stream = newStream();
    const key = { 'idempotency-key': 'once' };
    const first = await append(stream, 0, steps(2), key);
    await append(stream, 2, [step('more')]);
    const before = commits();
    for (let times = 0; times < 3; times++) {
      const repeat = await append(stream, 0, steps(2), key);
      expect(repeat.status).toBe(200);
      expect(repeat.headers.get('idempotent-replayed')).toBe('true');
      expect(repeat.body).toEqual(first.body);
    }
    expect(commits()).toBe(before);
  });

  it('accepts 1 to 100 events', async () => {
    const stream = newStream();
    expect((await append(stream, 0, steps(100))).body.toVersion).toBe(100);
    const before = commits();
    for (const events of [[], steps(101)]) {
      const { status, body } = await append(stream, 100, events);
      expect(status).toBe(422);
      expect(body.errors[0].path).toBe('events');
    }
    expect(commits()).toBe(before);
  });

  it('names every fault of a schema, and writes nothing', async () => {
    const before = commits();
    const stream = newStream();
    const broken = [
      { type: 'external-service.response', data: { serviceId: '42', requestId: '', response: 1, more: 1 } },
      { type: 'agent.no-such', data: {} },
      { ...step('x'), unknown: true },
      { type: 'task.failed', data: { taskId: '1', agentId: '2', error: 'in a service stream' } },
    ];
    const { status, body } = await append(stream, 0, broken);
    expect(status).toBe(422);
    const paths = body.errors.map(({ path }: { path: string }) => path);
    expect(paths).toContain('events.0.data.requestId');
    expect(paths.some((path: string) => path.startsWith('events.1'))).toBe(true);
    expect(paths.some((path: string) => path.startsWith('events.2'))).toBe(true);
    const foreign = await append(stream, 0, broken.slice(3));
    expect(foreign.body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: 'events.0.type' }] });
    for (const expected of [-1, 1.5, '0', null, undefined, 2 ** 53]) {
      expect((await append(stream, expected, [step('x')])).status, String(expected)).toBeGreaterThanOrEqual(400);
    }
    expect(commits()).toBe(before);
  });
});

describe('GET /streams/{streamId}/events', () => {
  it('reads a stream page by page in both directions, also from the middle of a commit', async () => {
    const stream = newStream();
    for (const [index, count] of [3, 1, 4, 2].entries()) {
      await append(stream, [0, 3, 4, 8][index], steps(count, `${index}`));
    }
    const walk = async (query: string): Promise<number[]> => {
      const seen: number[] = [];
      let path: string | null = `/streams/${stream}/events?${query}`;
      while (path) {
        const { body } = await get(path);
        expect(body.version).toBe(10);
        seen.push(...body.events.map(({ sequenceNumber }: { sequenceNumber: number }) => sequenceNumber));
        path = body.next && `/streams/${stream}/events?limit=3&cursor=${body.next}`;
      }
      return seen;
    };
    const all = Array.from({ length: 10 }, (_, index) => index + 1);
    expect(await walk('limit=3')).toEqual(all);
    expect(await walk('limit=3&direction=backward')).toEqual(all.toReversed());
    expect(await walk('limit=2&from=2&to=7')).toEqual([2, 3, 4, 5, 6, 7]);
    expect(await walk('limit=4&from=7&to=2&direction=backward')).toEqual([7, 6, 5, 4, 3, 2]);
    expect(await walk('from=11')).toEqual([]);
  });

  it('answers 404 for a missing stream, and 422 for invalid parameters', async () => {
    expect((await get(`/streams/${newStream()}/events`)).body).toMatchObject({ code: 'STREAM_NOT_FOUND', status: 404 });
    const stream = newStream();
    await append(stream, 0, steps(2));
    for (const query of [
      'from=0',
      'from=-1',
      'from=a',
      'from=9999999999999999999',
      'limit=0',
      'limit=1001',
      'limit=1&limit=2',
      'direction=up',
      'from=2&to=1',
      'cursor=rubbish',
      `cursor=${Buffer.from('{"from":"1"}').toString('base64url')}`,
    ]) {
      const { status, body } = await get(`/streams/${stream}/events?${query}`);
      expect([status, body.code], query).toEqual([422, 'VALIDATION_FAILED']);
    }
  });

  it('answers HEAD without a body, and other methods with 405 and the allowed methods', async () => {
    const stream = newStream();
    await append(stream, 0, steps(1));
    expect((await call('HEAD', `/streams/${stream}/events`)).status).toBe(200);
    const { status, headers, body } = await call('DELETE', `/streams/${stream}/events`);
    expect([status, body.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(headers.get('allow')).toBe('POST, GET, HEAD');
    expect((await get('/nowhere')).body).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });
});
