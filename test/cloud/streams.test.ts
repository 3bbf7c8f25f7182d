import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { AnnalsRequestError } from '../../client/client.ts';
import {
  addressed,
  newService as newStream,
  noise,
  reply as step,
  replies as steps,
} from '../support/sample-events.ts';
import { deployedClient } from './client.ts';

const client = deployedClient();
const appendTo = (stream: string, expectedVersion: number | 'any' | 'exists', events: ReturnType<typeof step>[]) =>
  client.append(stream, { expectedVersion, events: addressed(stream, events) });

describe('a stream', () => {
  it('accepts events and returns them as one history', async () => {
    const stream = newStream();
    const first = await appendTo(stream, 0, steps(3));
    expect(first).toMatchObject({ streamId: stream, fromVersion: 1, toVersion: 3, repeated: false });
    await appendTo(stream, 3, [step('last')]);
    const page = await client.readStream(stream, { direction: 'backward', limit: 3 });
    expect(page.version).toBe(4);
    expect(page.events.map((event) => event.sequenceNumber)).toEqual([4, 3, 2]);
    const rest = await client.readStream(stream, { direction: 'backward', limit: 3, cursor: page.next ?? '' });
    expect(rest.events.map((event) => event.id)).toEqual([first.eventIds[0]]);
  });

  it('recognises a repeat, and writes nothing', async () => {
    const stream = newStream();
    const [append, idempotencyKey] = [{ expectedVersion: 0, events: addressed(stream, steps(2)) } as const, ulid()];
    const first = await client.append(stream, append, { idempotencyKey });
    await appendTo(stream, 'exists', [step('later')]);
    const again = await client.append(stream, append, { idempotencyKey });
    expect(again).toEqual({ ...first, repeated: true });
    expect((await client.readStream(stream)).version).toBe(3);
  });

  it('lets one of many writers win each place, and leaves no gap', async () => {
    const stream = newStream();
    await appendTo(stream, 0, steps(1));
    const rivals = Array.from({ length: 8 }, (_, writer) => appendTo(stream, 1, steps(2, `writer ${writer}`)));
    const results = await Promise.allSettled(rivals);
    const lost = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    expect(lost).toHaveLength(7);
    for (const error of lost) {
      expect(error).toBeInstanceOf(AnnalsRequestError);
      expect(error).toMatchObject({ status: 409, code: 'CONCURRENCY_CONFLICT', actualVersion: 3 });
    }
    const { events } = await client.readStream(stream);
    expect(events.map((event) => event.sequenceNumber)).toEqual([1, 2, 3]);
  });

  it('holds all of what many writers append to whatever is there', async () => {
    const stream = newStream();
    const writers = Array.from({ length: 6 }, (_, writer) => appendTo(stream, 'any', steps(2, `writer ${writer}`)));
    await Promise.all(writers);
    const { events, version } = await client.readStream(stream);
    expect(version).toBe(12);
    expect(events.map((event) => event.sequenceNumber)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  it('pages through more than a query of DynamoDB returns', async () => {
    const stream = newStream();
    for (let version = 0; version < 6; version++) {
      await appendTo(stream, version, [step(noise(250_000))]);
    }
    const { events, next } = await client.readStream(stream, { limit: 6 });
    const rest = next === null ? [] : (await client.readStream(stream, { limit: 6, cursor: next })).events;
    expect([...events, ...rest].map((event) => event.sequenceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
