import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import type { NewEvent } from '../core/events/catalogue.ts';
import { EventStore } from '../core/store/event-store.ts';
import { catalogue } from '../test/support/application.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { type Bill, meteredClient } from './harness/metered-client.ts';

// The costs of the event store's operations on DynamoDB: counted, not timed.

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const store = new EventStore(new DynamoCommitStorage(client, (await createTables()).events), { catalogue });
  const append = (stream: string, events: NewEvent[], options: object = {}) =>
    measure(() => store.append(stream, events, { expectedVersion: 0, ...options }));
  const load = (stream: string, count: number) =>
    measure(async () => {
      const { length } = await Array.fromAsync(store.read(stream));
      if (length !== count) throw new Error(`read ${length} events, expected ${count}`);
    });

  const bills: Record<string, Bill> = {};
  bills['append of 1'] = await append('agent-1', sampleEvents(1));
  bills['append of 10'] = await append('agent-10', sampleEvents(10));
  bills['append of 100'] = await append('agent-100', sampleEvents(100));
  bills['append of 1, keyed'] = await append('agent-keyed', sampleEvents(1), { commitId: 'key' });
  bills['its repeat'] = await append('agent-keyed', sampleEvents(1), { commitId: 'key' });
  bills['append of 1 at a checked version'] = await append('agent-1', sampleEvents(1), { expectedVersion: 1 });
  bills['append of 1 at any version'] = await append('agent-1', sampleEvents(1), { expectedVersion: 'any' });
  bills['load of 100, one commit'] = await load('agent-100', 100);
  for (const [stream, size] of [
    ['agent-tens', 10],
    ['agent-ones', 1],
  ] as const) {
    for (let version = 0; version < 100; version += size) {
      await store.append(stream, sampleEvents(size), { expectedVersion: version, headKnown: true });
    }
    bills[`load of 100, ${100 / size} commits`] = await load(stream, 100);
  }
  console.log('DynamoDB emulator, events of 300 bytes');
  console.table(bills);
});
