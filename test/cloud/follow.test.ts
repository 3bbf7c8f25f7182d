import { describe, expect, it } from 'vitest';
import { AnnalsRequestError } from '../../client/client.ts';
import { EventBatchProcessor } from '../../client/event-batch-processor.ts';
import { addressed, newService as newStream, reply as step, replies as steps } from '../support/sample-events.ts';
import { ask, deployedClient } from './client.ts';

const client = deployedClient();
const appendTo = (stream: string, expectedVersion: number | 'any' | 'exists', events: ReturnType<typeof step>[]) =>
  client.append(stream, { expectedVersion, events: addressed(stream, events) });

/** The log's end, once it has everything that was appended before. */
async function end(): Promise<string> {
  const { eventIds } = await appendTo(newStream(), 0, [step('end')]);
  for await (const event of followPastDamage({ limit: 1_000 })) if (event.id === eventIds[0]) return event.position;
  throw new Error('the log ended');
}

/** Follows the log, past commits that another test damages on purpose. */
async function* followPastDamage({ after, ...query }: Parameters<typeof client.follow>[0] & object) {
  for (let position = after; ; ) {
    try {
      for await (const event of client.follow({ ...query, ...(position === undefined ? {} : { after: position }) })) {
        position = event.position;
        yield event;
      }
    } catch (error) {
      if (!(error instanceof AnnalsRequestError) || error.next === undefined) throw error;
      position = error.next;
    }
  }
}

describe('a client of the log', () => {
  it('has the appended events, each stream in its order, and is followed by long polls', async () => {
    const after = await end();
    const [one, two] = [newStream(), newStream()];
    const appending = (async () => {
      for (let n = 0; n < 5; n++) {
        await appendTo(one, 'any', steps(2, `one ${n}`));
        await appendTo(two, 'any', steps(1, `two ${n}`));
      }
    })();
    const seen = new Map<string, number[]>([one, two].map((stream) => [stream, []]));
    for await (const event of followPastDamage({ after, types: ['external-service.response'] })) {
      seen.get(`service-${event.aggregateId}`)?.push(event.sequenceNumber);
      if ([...seen.values()].flat().length === 15) break;
    }
    await appending;
    expect(seen.get(one)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(seen.get(two)).toEqual([1, 2, 3, 4, 5]);
  });

  // Other tests append at the same time, so what comes next need not be our own.
  it('continues after any position, and finds times', async () => {
    const after = await end();
    const own = await appendTo(newStream(), 0, steps(4));
    const next = await end();
    const { events } = await client.readLog({ after, limit: 4 });
    for (const [index, { position }] of events.entries()) {
      const rest = await client.readLog({ after: position, limit: 3 - index || 1 });
      if (index < 3) expect(rest.events.map(({ id }) => id)).toEqual(events.slice(index + 1).map(({ id }) => id));
    }
    const found = await client.readLog({ from: own.recordedAt, to: own.recordedAt, limit: 1_000 });
    expect(found.events.map(({ id }) => id)).toEqual(expect.arrayContaining([...own.eventIds]));
    expect(await client.readLog({ after: next, from: '2100-01-01T00:00:00Z' })).toMatchObject({ events: [] });
    expect((await ask('GET', '/events?after=nowhere')).status).toBe(422);
  });

  it('takes events in batches', async () => {
    const batches = new EventBatchProcessor(client, { batchSize: 20 });
    const streams = [newStream(), newStream()];
    const places = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        batches.addEvent(streams[n % 2] ?? '', addressed(streams[n % 2] ?? '', [step(`${n}`)])[0] ?? step('')),
      ),
    );
    expect(places.map(({ sequenceNumber }) => sequenceNumber)).toEqual(places.map((_, n) => Math.floor(n / 2) + 1));
  });
});
