import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../adapters/aws/dynamodb/control-store.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb/log-storage.ts';
import type { NewEvent } from '../core/events/catalogue.ts';
import { Leases } from '../core/leases/leases.ts';
import { EventLog } from '../core/log/log.ts';
import { LogWriter } from '../core/log/writer.ts';
import { handleCommand } from '../core/state/decider.ts';
import { DEFAULT_CACHE_BYTES } from '../core/state/state-cache.ts';
import { StateReader } from '../core/state/state-reader.ts';
import { EventStore } from '../core/store/event-store.ts';
import { SubscriptionOperations } from '../core/subscriptions/operations.ts';
import { Subscriptions } from '../core/subscriptions/subscriptions.ts';
import { taskClaims } from '../domain/task/claims.ts';
import { taskDecider } from '../domain/task/task.ts';
import { catalogue } from '../test/support/application.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { type Bill, meteredClient } from './harness/metered-client.ts';

// What claims, heartbeats, answers, takes and acknowledgements cost on the DynamoDB emulator, in a process that has just
// read the streams. What relay and projector do with the events of claims is not in it: see `cost`.

const PAYLOAD_BYTES = 300;
const rows: Record<string, Pick<Bill, 'requests' | 'writeUnits' | 'readUnits'>> = {};

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const tables = await createTables();
  const control = new DynamoControlStore(client, tables.control);
  const commits = new DynamoCommitStorage(client, tables.events);
  const store = new EventStore(commits, { catalogue });
  const states = new StateReader({ store, cacheBytes: DEFAULT_CACHE_BYTES });
  const row = async (name: string, work: () => Promise<unknown>) => {
    const { requests, writeUnits, readUnits } = await measure(work);
    rows[name] = { requests, writeUnits, readUnits };
  };

  const leases = new Leases({ aggregate: taskDecider, work: taskClaims, store, states, control });
  const command = (id: string, given: Parameters<typeof taskDecider.decide>[1]) =>
    handleCommand(store, taskDecider, id, given, { states });
  const waitingTask = async (): Promise<string> => {
    const id = ulid();
    const payload = { text: randomBytes(PAYLOAD_BYTES / 2).toString('hex') };
    await command(id, { kind: 'request', agentType: 'coder', count: 1, payload, deadlineSeconds: 600 });
    await command(id, { kind: 'offer', slot: 'slot-1', deadline: new Date(Date.now() + 600_000).toISOString() });
    return id;
  };
  const claim = (id: string, limit?: number) =>
    leases.take({ id, workerId: `w-${id}`, workerType: 'coder', seconds: 60, ...(limit && { limit }) });
  const id = await waitingTask();
  const holder = { id, workerId: `w-${id}`, fencing: 1 };
  await row('claim', () => claim(id));
  await row('heartbeat', () => leases.beat(holder, 120));
  const answer = { agentId: holder.workerId, fencing: 1, result: 1, duration: 1, resources: {} };
  await row('completion', () => command(id, { kind: 'complete', ...answer }));
  const limited = await waitingTask();
  await row('claim with a limit', () => claim(limited, 10));
  await row('release', () => leases.release({ id: limited, workerId: `w-${limited}`, fencing: 1 }));

  const log = { storage: new DynamoLogStorage(client, tables.log, ulid()), catalogue, strategy: 'single' } as const;
  const writer = new LogWriter({ ...log, commits });
  const parts = { store, control, states, newId: ulid, log: new EventLog(log) };
  const subscriptions = new Subscriptions(parts);
  const operations = new SubscriptionOperations(subscriptions, parts);
  const step = (agentId: string) =>
    ({ type: 'agent.step-recorded', data: { agentId, action: 'x'.repeat(PAYLOAD_BYTES) } }) as unknown as NewEvent;
  const record = async () => {
    const agentId = ulid();
    const stream = `agent-${agentId}`;
    await store.append(stream, [step(agentId)], { expectedVersion: 0 });
    await writer.append(await Array.fromAsync(store.commits(stream)));
  };
  const settings = {
    filter: {},
    order: 'stream',
    maxRetries: 3,
    ackWithinSeconds: 60,
    shards: 1,
    from: 'end',
  } as const;
  for (const count of [1, 10, 100]) {
    const name = `of-${count}`;
    await operations.put(name, settings);
    for (let event = 0; event < count; event++) await record();
    let tokens: readonly string[] = [];
    await row(`take of ${count}`, async () => {
      tokens = (await subscriptions.take(name, { max: count })).map(({ token }) => token);
    });
    if (tokens.length !== count) throw new Error(`${tokens.length} of ${count} were taken`);
    await row(`ack of ${count}`, () =>
      subscriptions.settle(
        name,
        tokens.map((token) => ({ token, action: 'ack' })),
      ),
    );
    if (count === 1) await row('take of an idle consumer, no wait', () => subscriptions.take(name, { max: 1 }));
  }
});
console.log(`units on the DynamoDB emulator; payloads and events of ${PAYLOAD_BYTES} bytes`);
console.table(rows);
