import { ulid } from 'ulid';
import type { EventStore } from '../../core/store/event-store.ts';
import type { NewEvent } from '../../events/catalogue.ts';

/** The id of a stream that nothing has written to. */
export const newStream = (): string => `agent-${ulid()}`;

/** An event with some text in it. */
export const step = (action: string): NewEvent<'agent.step-recorded'> => ({
  type: 'agent.step-recorded',
  data: { agentId: '42', action },
});

/** So many events, their text telling them apart. */
export const steps = (count: number, text = 'step'): NewEvent<'agent.step-recorded'>[] =>
  Array.from({ length: count }, (_, index) => step(`${text} ${index + 1}`));

/** Text of so many bytes that no codec makes much smaller. */
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
