import { describe, expect, it } from 'vitest';
import { addressed, newService as newStream, reply as step } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

/** The limit of an answer of AWS Lambda: 6 MB, with the body as a JSON string. */
const MOST_BYTES = 6 * 1024 * 1024;
const LARGE = 700_000;

/** Text that is compressed to a hundredth of its size. */
const repetitive = (bytes: number) => 'a line of a log that comes again\n'.repeat(bytes / 33);

interface Page {
  readonly events: readonly { readonly sequenceNumber: number; readonly aggregateId: string }[];
}

function expectAnswerable(page: Page): void {
  if (page.events.length > 1) expect(Buffer.byteLength(JSON.stringify(JSON.stringify(page)))).toBeLessThan(MOST_BYTES);
}

describe('a page of large events', () => {
  it('fits into an answer of AWS Lambda, and the next page continues: in a stream and in the log', async () => {
    const stream = newStream();
    const sizes = [LARGE, LARGE, 4_900_000, LARGE, LARGE, LARGE, LARGE];
    for (const [version, size] of sizes.entries()) {
      const body = { expectedVersion: version, events: addressed(stream, [step(repetitive(size))]) };
      expect((await post(`/streams/${stream}/events`, body)).status).toBe(201);
    }
    const read: number[] = [];
    for (let query: string | null = 'limit=100'; query !== null; ) {
      const { body } = await get(`/streams/${stream}/events?${query}`);
      expectAnswerable(body);
      read.push(...body.events.map((event: { sequenceNumber: number }) => event.sequenceNumber));
      query = body.next && `limit=100&cursor=${body.next}`;
    }
    expect(read).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const logged: number[] = [];
    for (let after = ''; logged.length < sizes.length; ) {
      const { body } = await get(`/events?limit=100&wait=1${after && `&after=${after}`}`);
      expectAnswerable(body);
      const ofStream = body.events.filter(
        ({ aggregateId }: { aggregateId: string }) => `service-${aggregateId}` === stream,
      );
      logged.push(...ofStream.map((event: { sequenceNumber: number }) => event.sequenceNumber));
      after = body.next;
    }
    expect(logged).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});
