import { setTimeout as delay } from 'node:timers/promises';
import type { PutEventsCommand, PutEventsCommandOutput, PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import {
  EventBridgePublisher,
  type EventBridgePublisherOptions,
} from '../../../../../adapters/aws/eventbridge/publisher.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import type { DomainEvent } from '../../../../../events/catalogue.ts';
import { MemoryCommitStorage } from '../../../../support/memory-storage.ts';
import { noise, step, steps } from '../../../../support/sample-events.ts';

type Entries = readonly PutEventsRequestEntry[];

/** EventBridge as far as the publisher sees it: keeps what it is sent and answers as the test says. */
class FakeEventBridge {
  readonly requests: Entries[] = [];
  answer: (entries: Entries) => PutEventsCommandOutput['Entries'] = accept;

  async send({ input }: PutEventsCommand): Promise<PutEventsCommandOutput> {
    const entries = input.Entries ?? [];
    this.requests.push(entries);
    const Entries = this.answer(entries);
    return { $metadata: {}, Entries, FailedEntryCount: Entries?.filter((entry) => entry.ErrorCode).length };
  }
}

const accept = (entries: Entries) => entries.map((_, index) => ({ EventId: String(index) }));
const outage = () => {
  throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
};

function setup(options?: EventBridgePublisherOptions) {
  const bridge = new FakeEventBridge();
  return { bridge, publisher: new EventBridgePublisher(bridge, 'annals-bus', options) };
}

async function recorded(events: Parameters<EventStore['append']>[1]): Promise<DomainEvent[]> {
  const store = new EventStore(new MemoryCommitStorage());
  await store.append('agent-42', events, { expectedVersion: 0, defaults: { correlationId: 'c-1' } });
  return Array.fromAsync(store.read('agent-42'));
}

describe('EventBridgePublisher', () => {
  it('sends the event as the API gives it, with source, type, time and trace', async () => {
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

  it('sends at most 10 events a request, in order, and none when there are none', async () => {
    const events = await recorded(steps(23));
    const { bridge, publisher } = setup();
    expect(await publisher.publish([])).toEqual([]);
    expect(bridge.requests).toEqual([]);
    expect(await publisher.publish(events)).toEqual([]);
    expect(bridge.requests.map((entries) => entries.length)).toEqual([10, 10, 3]);
    expect(bridge.requests.flat().map((entry) => JSON.parse(entry.Detail ?? ''))).toEqual(events);
    expect(bridge.requests[0]?.[0]).not.toHaveProperty('TraceHeader');
  });

  it('sends at most 256 KB a request, counted in bytes', async () => {
    const events = await recorded(['a', 'é', '🦜'].map((letter) => step(letter.repeat(100_000 / letter.length))));
    const { bridge, publisher } = setup();
    expect(await publisher.publish(events)).toEqual([]);
    const bytes = bridge.requests.map((entries) =>
      entries.reduce((sum, { Detail = '' }) => sum + Buffer.byteLength(Detail), 0),
    );
    expect(bytes).toHaveLength(3);
    for (const sent of bytes) expect(sent).toBeLessThan(256 * 1024);
  });

  it('publishes an event over the limit by reference, in its place', async () => {
    const large = { ...step(noise(300_000)), metadata: { note: noise(1_000) }, correlationId: 'c-1' };
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

  it('returns just the entries that were refused, each with its reason', async () => {
    const events = await recorded(steps(12));
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

  it('tells an entry that is refused for good from one that may be taken later', async () => {
    const events = await recorded(steps(3));
    const { bridge, publisher } = setup();
    const codes = ['MalformedDetail', 'InternalFailure', 'NotAuthorizedForSourceException'];
    bridge.answer = (entries) => entries.map((_, index) => ({ ErrorCode: codes[index] }));
    const failures = await publisher.publish(events);
    expect(failures.map(({ error }) => error instanceof UnavailableError)).toEqual([false, true, false]);
  });

  it('takes an entry without an answer for not published', async () => {
    const events = await recorded(steps(3));
    const { bridge, publisher } = setup();
    bridge.answer = () => [{ EventId: 'e' }];
    expect((await publisher.publish(events)).map(({ event }) => event)).toEqual(events.slice(1));
    bridge.answer = () => undefined;
    expect((await publisher.publish(events)).map(({ event }) => event)).toEqual(events);
  });

  it('returns all events of a request that failed, and tries the next request', async () => {
    const events = await recorded(steps(12));
    const { bridge, publisher } = setup();
    bridge.answer = (entries) => (bridge.requests.length === 1 ? outage() : accept(entries));
    const failures = await publisher.publish(events);
    expect(failures.map(({ event }) => event)).toEqual(events.slice(0, 10));
    expect(failures[0]?.error).toBeInstanceOf(UnavailableError);
    expect(bridge.requests).toHaveLength(2);
  });

  it('leaves the bus alone after failures in a row, and goes on when it is back', async () => {
    const events = await recorded(steps(1));
    const { bridge, publisher } = setup({ breakAfter: 3, restMs: 50 });
    bridge.answer = outage;
    for (let call = 1; call <= 5; call++) expect(await publisher.publish(events)).toHaveLength(1);
    expect(bridge.requests).toHaveLength(3);
    const [failure] = await publisher.publish(events);
    expect(failure?.error).toBeInstanceOf(UnavailableError);
    expect(String(failure?.error)).toContain('left alone');

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
