import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { addressed, newService as newStream, reply as step, replies as steps } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, url } = servedApi();
const append = (stream: string, events: unknown) =>
  post(`/streams/${stream}/events`, { expectedVersion: 'any', events: addressed(stream, events) });
/** The end of the log, after all events that were appended so far. */
async function end(): Promise<string> {
  const { body: appended } = await append('service-end', [step('end')]);
  for (let after = ''; ; ) {
    const { body } = await get(`/events?limit=1000&wait=1${after && `&after=${after}`}`);
    after = body.next;
    if (body.events.some(({ id }: { id: string }) => id === appended.eventIds[0])) return after;
  }
}

describe('GET /events', () => {
  it('has all events in one order, keeps the order of each stream, and continues after any position', async () => {
    const after = await end();
    const [streamA, streamB] = [newStream(), newStream()];
    for (let n = 0; n < 5; n++) {
      await append(streamA, steps(2, `a ${n}`));
      await append(streamB, steps(1, `b ${n}`));
    }
    const all: { position: string; aggregateId: string; sequenceNumber: number }[] = [];
    for (let next = after; all.length < 15; ) {
      const { status, body } = await get(`/events?after=${next}&limit=4&wait=5`);
      expect(status).toBe(200);
      all.push(...body.events);
      next = body.next;
    }
    for (const stream of [streamA, streamB]) {
      const ofStream = all.filter(({ aggregateId }) => stream === `service-${aggregateId}`);
      expect(ofStream.map(({ sequenceNumber }) => sequenceNumber)).toEqual(ofStream.map((_, index) => index + 1));
    }
    const { body } = await get(`/events?after=${all[6]?.position}&limit=1000`);
    expect(body).toMatchObject({ events: all.slice(7), caughtUp: true });
  });

  it('waits for the next event', async () => {
    const after = await end();
    const waiting = get(`/events?after=${after}&wait=20`);
    await append(newStream(), [step('news')]);
    const { body } = await waiting;
    expect(body.events[0].data.response).toBe('news');
    expect(body.events[0].position).toBe(body.next);
  });

  it('selects by type, aggregate type and time', async () => {
    const after = await end();
    const agentId = ulid();
    const { body: created } = await post('/agents', {
      agentId,
      agentType: 'coder',
      configuration: {},
      createdBy: 'me',
    });
    expect(created.version).toBe(1);
    await post(`/agents/${agentId}/steps`, { action: 'a' });
    const last = await end();
    const query = async (text: string) => {
      const { body } = await get(`/events?after=${after}&${text}`);
      return body.events.map(({ type }: { type: string }) => type);
    };
    expect(await query('type=agent.created,task.requested')).toEqual(['agent.created']);
    expect(await query('aggregateType=task')).toEqual([]);
    expect(await query('from=2100-01-01T00:00:00Z')).toEqual([]);
    expect(await query('to=2020-01-01T00:00:00Z')).toEqual([]);
    expect(await query('from=2020-01-01T00:00:00Z&aggregateType=agent')).toContain('agent.step-recorded');
    const { body } = await get('/events?from=2100-01-01T00:00:00Z');
    expect(body).toEqual({ events: [], next: last, caughtUp: true });
  });

  it.each(['after=nowhere', 'limit=0', 'wait=21', 'type=', 'type=agent.made-up', 'from=yesterday', 'aggregateType=X'])(
    'refuses %s',
    async (query) => {
      const { status, body } = await get(`/events?${query}`);
      expect([status, body.code]).toEqual([422, 'VALIDATION_FAILED']);
    },
  );
});

describe('GET /events/stream', () => {
  /** The first messages with data, and their ids. */
  async function messages(path: string, count: number, headers: Record<string, string> = {}) {
    const leaving = new AbortController();
    const response = await fetch(`${url()}${path}`, { headers, signal: leaving.signal });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    const found: { id: string; event: { sequenceNumber: number; position: string } }[] = [];
    let text = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const [data, id] = [field('data'), field('id')];
        if (data && id) found.push({ id, event: JSON.parse(data) });
      }
      if (found.length >= count) break;
    }
    leaving.abort();
    return found;
  }

  it('sends events as they arrive, and resumes after Last-Event-ID', async () => {
    const after = await end();
    const stream = newStream();
    await append(stream, steps(3));
    const live = messages(`/events/stream?after=${after}`, 6);
    await append(stream, steps(3));
    const all = await live;
    expect(all.map(({ event }) => event.sequenceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(all.map(({ event }) => event.position)).toEqual(all.map(({ id }) => id));
    const rest = await messages(`/events/stream?after=${after}`, 4, { 'last-event-id': all[1]?.id ?? '' });
    expect(rest).toEqual(all.slice(2));
  });

  it('refuses unknown positions and types before it starts', async () => {
    for (const query of ['after=nowhere', 'type=made.up']) {
      const response = await fetch(`${url()}/events/stream?${query}`);
      expect(response.status).toBe(422);
    }
  });
});

describe('the client', () => {
  it('follows the log, and continues after a position', async () => {
    const client = createClient({ url: url() });
    const after = await end();
    const stream = newStream();
    const seen: number[] = [];
    await append(stream, steps(3));
    let position: string | undefined = after;
    for (const enough of [2, 5]) {
      if (enough === 5) void append(stream, steps(2));
      for await (const event of client.follow({ after: position, types: ['external-service.response'], limit: 2 })) {
        seen.push(event.sequenceNumber);
        position = event.position;
        if (seen.length === enough) break;
      }
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(await client.readLog({ after: position, aggregateType: 'task' })).toMatchObject({
      events: [],
      caughtUp: true,
    });
  });
});
