import { ulid } from 'ulid';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { EventStore } from '../../core/store/event-store.ts';

/** The id of a stream that nothing has written to. */
export const newStream = (): string => `agent-${ulid()}`;

/** An event with some text in it. */
export const step = (action: string): NewEvent<'agent.step-recorded'> => ({
  type: 'agent.step-recorded',
  data: { agentId: '42', action },
});

/** The id of a stream that nothing has written to, whose aggregate has no rules: it takes {@link replies} in any order. */
export const newService = (): string => `service-${ulid()}`;

/** An event for a stream of {@link newService}; {@link addressed} gives it the stream's id. */
export const reply = (response: string): NewEvent<'external-service.response'> => ({
  type: 'external-service.response',
  data: { serviceId: 'unknown', requestId: 'r', response, latency: 1, success: true },
});

export const replies = (count: number, text = 'reply'): NewEvent<'external-service.response'>[] =>
  Array.from({ length: count }, (_, index) => reply(`${text} ${index + 1}`));

/** The same events, with the id of their stream in events of services and agents. Other values stay unchanged. */
export function addressed<Events>(stream: string, events: Events): Events {
  if (!Array.isArray(events)) return events;
  const id = stream.slice(stream.indexOf('-') + 1);
  return events.map((event) => {
    if (event?.data?.serviceId !== undefined) return { ...event, data: { ...event.data, serviceId: id } };
    if (event?.data?.agentId === '42') return { ...event, data: { ...event.data, agentId: id } };
    return event;
  }) as Events;
}

/** This number of events, each with another text. */
export const steps = (count: number, text = 'step'): NewEvent<'agent.step-recorded'>[] =>
  Array.from({ length: count }, (_, index) => step(`${text} ${index + 1}`));

/** Text with this number of bytes that codecs hardly compress. */
export function noise(bytes: number): string {
  const random = new Uint8Array(Math.ceil((bytes * 3) / 4));
  for (let start = 0; start < random.length; start += 65_536)
    crypto.getRandomValues(random.subarray(start, start + 65_536));
  return Buffer.from(random).toString('base64').slice(0, bytes);
}

/** Fills a stream with commits of the given sizes; the text of each event is its sequence number. */
export async function fill(store: EventStore, stream: string, sizes: readonly number[]): Promise<void> {
  let version = 0;
  for (const size of sizes) {
    const events = Array.from({ length: size }, (_, index) => step(String(version + index + 1)));
    await store.append(stream, events, { expectedVersion: version });
    version += size;
  }
}
