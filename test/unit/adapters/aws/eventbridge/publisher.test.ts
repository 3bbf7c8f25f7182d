import { setTimeout as delay } from 'node:timers/promises';
import type { PutEventsCommand, PutEventsCommandOutput, PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { eventBridge } from '../../../../../adapters/aws/clients/clients.ts';
import {
  BREAK_AFTER,
  EventBridgePublisher,
  type EventBridgePublisherOptions,
} from '../../../../../adapters/aws/eventbridge/publisher.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import type { DomainEvent } from '../../../../../core/events/catalogue.ts';
import { toCloudEvent } from '../../../../../core/publishing/cloud-event.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../../support/application.ts';
import { noise, step, steps } from '../../../../support/sample-events.ts';

type Entries = readonly PutEventsRequestEntry[];

/** EventBridge as far as the publisher sees it: keeps what it is sent and answers as the test says. */
class FakeEventBridge {
  readonly requests: Entries[] = [];
  readonly taken: PutEventsRequestEntry[] = [];
  answer: (entries: Entries) => PutEventsCommandOutput['Entries'] = accept;

  async send({ input }: PutEventsCommand): Promise<PutEventsCommandOutput> {
    const entries = input.Entries ?? [];
    this.requests.push(entries);
    const Entries = this.answer(entries);
    this.taken.push(...entries.filter((_, index) => Entries?.[index]?.EventId));
    return { $metadata: {}, Entries, FailedEntryCount: Entries?.filter((entry) => entry.ErrorCode).length };
  }
}

const accept = (entries: Entries) => entries.map((_, index) => ({ EventId: String(index) }));
const outage = () => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
};

/** As the SDK throws what EventBridge says of a whole request. */
const refusedBy = (name: string, message = 'no') =>
  Object.assign(new Error(message), { name, $fault: 'client', $metadata: {} });
const TOO_LARGE = 'Total size of the entries in the request is over the limit.';

/** The times after which the client's HTTP handler gives up; it reads them at its first request. */
async function settingsOf(handler: object): Promise<{ requestTimeout?: number; connectionTimeout?: number }> {
  return (handler as { configProvider: Promise<object> }).configProvider;
}

function setup(options?: EventBridgePublisherOptions) {
  const bridge = new FakeEventBridge();
  return { bridge, publisher: new EventBridgePublisher(bridge, 'annals-bus', options) };
}

async function recorded(events: Parameters<EventStore['append']>[1]): Promise<DomainEvent[]> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  await store.append('agent-42', events, { expectedVersion: 0, defaults: { correlationId: 'c-1' } });
  return Array.fromAsync(store.read('agent-42'));
}

/** Events of as many streams, one of each, unless said otherwise: nothing of one waits for another. */
async function fromStreams(streams: number, eventsOfEach = 1): Promise<DomainEvent[]> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  for (let version = 0; version < eventsOfEach; version++) {
    for (let n = 0; n < streams; n++) {
      await store.append(`agent-${n}`, [step(`${version + 1}`)], { expectedVersion: version });
    }
  }
  const all = Array.from({ length: streams }, (_, n) => Array.fromAsync(store.read(`agent-${n}`)));
  return (await Promise.all(all)).flat().toSorted((a, b) => a.sequenceNumber - b.sequenceNumber);
}

describe('EventBridgePublisher', () => {
  it('sends the event as the HTTP API returns it, with source, type, time and trace', async () => {
    const [event] = await recorded([{ ...step('1'), timestamp: '2020-02-29T12:00:00Z' }]);
    if (!event) throw new Error('nothing recorded');
    const { bridge, publisher } = setup({ traceOf: ({ id }) => (id === event.id ? 'Root=1-2-3' : undefined) });
    expect(await publisher.publish([event])).toEqual([]);
    const [[entry] = []] = bridge.requests;
    expect(entry).toMatchObject({
      EventBusName: 'annals-bus',
      Source: 'annals.agent',
      DetailType: 'agent.step-recorded',
    });
    expect(entry?.Time?.toISOString()).toBe('2020-02-29T12:00:00.000Z');
    expect(entry?.TraceHeader).toBe('Root=1-2-3');
    expect(JSON.parse(entry?.Detail ?? '')).toEqual(event);
  });

  it('sends CloudEvents when that is the form of the bus, with the same source and type for rules', async () => {
    const [event] = await recorded([step('1')]);
    if (!event) throw new Error('nothing recorded');
    const { bridge, publisher } = setup({ format: 'cloudevents' });
    expect(await publisher.publish([event])).toEqual([]);
    const [[entry] = []] = bridge.requests;
    expect(entry).toMatchObject({ Source: 'annals.agent', DetailType: 'agent.step-recorded' });
    expect(JSON.parse(entry?.Detail ?? '')).toEqual(toCloudEvent(event));
  });

  it('sends at most 10 events a request, in order, and no request without events', async () => {
    const events = await recorded(steps(23));
    const { bridge, publisher } = setup();
    expect(await publisher.publish([])).toEqual([]);
    expect(bridge.requests).toEqual([]);
    expect(await publisher.publish(events)).toEqual([]);
    expect(bridge.requests.map((entries) => entries.length)).toEqual([10, 10, 3]);
    expect(bridge.requests.flat().map((entry) => JSON.parse(entry.Detail ?? ''))).toEqual(events);
    expect(bridge.requests[0]?.[0]).not.toHaveProperty('TraceHeader');
  });

  it('sends less than 1 MB a request, counted in bytes', async () => {
    const events = await recorded(['a', 'é', '🦜'].map((letter) => step(letter.repeat(1_200_000 / letter.length / 3))));
    const { bridge, publisher } = setup();
    expect(await publisher.publish(events)).toEqual([]);
    const bytes = bridge.requests.map((entries) =>
      entries.reduce((sum, { Detail = '' }) => sum + Buffer.byteLength(Detail), 0),
    );
    expect(bytes).toHaveLength(3);
    for (const sent of bytes) expect(sent).toBeLessThan(1_000_000);
  });

  it('publishes an event of 300 KB whole', async () => {
    const events = await recorded([step(noise(300_000))]);
    const { bridge, publisher } = setup();
    expect(await publisher.publish(events)).toEqual([]);
    expect(bridge.requests.flat().map(({ Detail = '' }) => JSON.parse(Detail))).toEqual(events);
  });

  it('publishes an event over the limit by reference, in its place', async () => {
    const large = { ...step('x'.repeat(1_100_000)), metadata: { note: noise(1_000) }, correlationId: 'c-1' };
    const events = await recorded([step('1'), large, step('3')]);
    const { bridge, publisher } = setup();
    expect(await publisher.publish(events)).toEqual([]);
    const sent = bridge.requests.flat();
    expect(sent.map(({ DetailType }) => DetailType)).toEqual(Array(3).fill('agent.step-recorded'));
    const details = sent.map(({ Detail = '' }) => JSON.parse(Detail));
    expect([details[0], details[2]]).toEqual([events[0], events[2]]);
    const { data: _, metadata, ...envelope } = events[1] as DomainEvent;
    const { aggregateId } = envelope;
    expect(details[1]).toEqual({
      ...envelope,
      metadata: { recordedAt: metadata.recordedAt },
      reference: {
        streamId: `agent-${aggregateId}`,
        sequenceNumber: 2,
        url: `/streams/agent-${aggregateId}/events?from=2&to=2`,
      },
    });
  });

  it('returns exactly the refused entries, each with its reason', async () => {
    const events = await fromStreams(12);
    const { bridge, publisher } = setup();
    bridge.answer = (entries) =>
      entries.map((_, index) =>
        index === 1 ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' } : { EventId: 'e' },
      );
    const failures = await publisher.publish(events);
    expect(failures.map(({ event }) => event)).toEqual([events[1], events[11]]);
    expect(failures[0]?.error).toBeInstanceOf(UnavailableError);
    expect(String(failures[0]?.error)).toContain('ThrottlingException: slow down');
  });

  it('tells entries that are refused for good from entries that may be taken later', async () => {
    const codes = [
      ...['MalformedDetail', 'InternalFailure', 'NotAuthorizedForSourceException', 'AccessDeniedException'],
      ...['ResourceNotFoundException', 'ThrottlingException', 'InvalidAccountIdException'],
    ];
    const events = await recorded(steps(codes.length));
    const { bridge, publisher } = setup();
    bridge.answer = (entries) => entries.map((_, index) => ({ ErrorCode: codes[index] }));
    const failures = await publisher.publish(events);
    const forGood = failures.filter(({ error }) => !(error instanceof UnavailableError));
    expect(forGood.map(({ event }) => event)).toEqual([events[0]]);
  });

  it('finds the entry for which a whole request is refused', async () => {
    const events = await fromStreams(12);
    const { bridge, publisher } = setup();
    bridge.answer = (entries) => {
      if (!entries.some(({ Detail = '' }) => JSON.parse(Detail).id === events[3]?.id)) return accept(entries);
      throw refusedBy('ValidationException', TOO_LARGE);
    };
    const failures = await publisher.publish(events);
    expect(failures.map(({ event }) => event)).toEqual([events[3]]);
    expect(failures[0]?.error).not.toBeInstanceOf(UnavailableError);
    const taken = bridge.taken.map(({ Detail = '' }) => JSON.parse(Detail).id);
    expect(taken.toSorted()).toEqual(events.flatMap(({ id }) => (id === events[3]?.id ? [] : [id])).toSorted());
  });

  it.each(['AccessDeniedException', 'ExpiredTokenException', 'ResourceNotFoundException'])(
    'blames no event for %s of the whole request',
    async (name) => {
      const events = await fromStreams(12);
      const { bridge, publisher } = setup();
      bridge.answer = () => {
        throw refusedBy(name);
      };
      const failures = await publisher.publish(events);
      expect(failures.map(({ event }) => event)).toEqual(events);
      for (const { error } of failures) expect(error).toBeInstanceOf(UnavailableError);
      expect(bridge.requests, 'no entry is tried alone').toHaveLength(2);
    },
  );

  it('goes on with other events, however many are refused for good', async () => {
    const events = await fromStreams(40);
    const { bridge, publisher } = setup({ breakAfter: 2 });
    bridge.answer = (entries) => {
      if (bridge.requests.length > 10) return accept(entries);
      throw refusedBy('ValidationException', TOO_LARGE);
    };
    const failures = await publisher.publish(events);
    expect(failures.map(({ error }) => String(error)).join()).not.toContain('the publisher pauses');
  });

  it('stops calling a bus that hangs within half of an invocation', async () => {
    const { maxAttempts, requestHandler } = eventBridge().config;
    const { requestTimeout = Infinity, connectionTimeout = Infinity } = await settingsOf(requestHandler);
    const longest = BREAK_AFTER * (await maxAttempts()) * (requestTimeout + connectionTimeout);
    expect(longest).toBeLessThan(30_000);
  });

  it('has several requests under way, and never two with events of the same stream', async () => {
    const events = await fromStreams(15, 20);
    let underWay = 0;
    let most = 0;
    const streams = new Set<string>();
    const heard: DomainEvent[] = [];
    const send = async ({ input }: PutEventsCommand): Promise<PutEventsCommandOutput> => {
      const sent = (input.Entries ?? []).map(({ Detail = '' }): DomainEvent => JSON.parse(Detail));
      const own = new Set(sent.map(({ aggregateId }) => aggregateId));
      for (const stream of own) expect(streams.has(stream), 'an earlier event of the stream is under way').toBe(false);
      for (const stream of own) streams.add(stream);
      most = Math.max(most, ++underWay);
      await delay(sent.length % 3);
      heard.push(...sent);
      underWay -= 1;
      for (const stream of own) streams.delete(stream);
      return { $metadata: {}, Entries: accept(input.Entries ?? []), FailedEntryCount: 0 };
    };
    expect(await new EventBridgePublisher({ send }, 'annals-bus', { inFlight: 3 }).publish(events)).toEqual([]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    for (const [id, own] of Map.groupBy(heard, ({ aggregateId }) => aggregateId)) {
      expect(
        own.map(({ sequenceNumber }) => sequenceNumber),
        id,
      ).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    }
    expect(heard).toHaveLength(300);
  });

  it('sends no event behind a refused event of its stream, and all events of other streams', async () => {
    const events = await fromStreams(4, 10);
    const { bridge, publisher } = setup();
    const isBad = (entry: PutEventsRequestEntry) => {
      const { aggregateId, sequenceNumber }: DomainEvent = JSON.parse(entry.Detail ?? '');
      return aggregateId === '2' && sequenceNumber === 2;
    };
    bridge.answer = (entries) =>
      entries.map((entry) => (isBad(entry) ? { ErrorCode: 'MalformedDetail' } : { EventId: 'e' }));
    const failures = await publisher.publish(events);
    const ofBad = failures.map(({ event }) => event);
    expect(new Set(ofBad.map(({ aggregateId }) => aggregateId))).toEqual(new Set(['2']));
    expect(ofBad.map(({ sequenceNumber }) => sequenceNumber)).toContain(10);
    expect(new Set(failures.map(({ error }) => String(error))).size, 'each for the reason of the first').toBe(1);
    expect(bridge.taken.length + failures.length).toBe(40);
  });

  it('does not try single entries behind a refused entry of their stream', async () => {
    const events = await recorded(steps(6));
    const { bridge, publisher } = setup();
    bridge.answer = (entries) => {
      if (!entries.some(({ Detail = '' }) => JSON.parse(Detail).sequenceNumber === 3)) return accept(entries);
      throw refusedBy('ValidationException', TOO_LARGE);
    };
    expect((await publisher.publish(events)).map(({ event }) => event)).toEqual(events.slice(2));
    expect(bridge.taken).toHaveLength(2);
  });

  it('treats an entry without an answer as not published', async () => {
    const events = await recorded(steps(3));
    const { bridge, publisher } = setup();
    bridge.answer = () => [{ EventId: 'e' }];
    expect((await publisher.publish(events)).map(({ event }) => event)).toEqual(events.slice(1));
    bridge.answer = () => undefined;
    expect((await publisher.publish(events)).map(({ event }) => event)).toEqual(events);
  });

  it('returns all events of a request that failed, and tries the next request', async () => {
    const events = await fromStreams(12);
    const { bridge, publisher } = setup();
    bridge.answer = (entries) => (bridge.requests.length === 1 ? outage() : accept(entries));
    const failures = await publisher.publish(events);
    expect(failures.map(({ event }) => event)).toEqual(events.slice(0, 10));
    expect(failures[0]?.error).toBeInstanceOf(UnavailableError);
    expect(bridge.requests).toHaveLength(2);
  });

  it('pauses after failures in a row, and goes on when the bus is back', async () => {
    const events = await recorded(steps(1));
    const { bridge, publisher } = setup({ breakAfter: 3, restMs: 50 });
    bridge.answer = outage;
    for (let call = 1; call <= 5; call++) expect(await publisher.publish(events)).toHaveLength(1);
    expect(bridge.requests).toHaveLength(3);
    const [failure] = await publisher.publish(events);
    expect(failure?.error).toBeInstanceOf(UnavailableError);
    expect(String(failure?.error)).toContain('the publisher pauses');

    await delay(80);
    expect(await publisher.publish(events)).toHaveLength(1);
    expect(bridge.requests, 'one call tries again').toHaveLength(4);
    expect(await publisher.publish(events)).toHaveLength(1);
    expect(bridge.requests).toHaveLength(4);

    await delay(80);
    bridge.answer = accept;
    for (let call = 1; call <= 3; call++) expect(await publisher.publish(events)).toEqual([]);
    expect(bridge.requests).toHaveLength(7);
  });
});
