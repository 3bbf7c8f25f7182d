import { writeFileSync } from 'node:fs';
import { type AttributeValue, PutItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoLogStorage } from '../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../adapters/aws/dynamodb/view-store.ts';
import { LogWriter } from '../core/log/writer.ts';
import { Projector } from '../core/projections/projector.ts';
import type { Commit } from '../core/store/commit.ts';
import { EventStore } from '../core/store/event-store.ts';
import agents from '../domain/application.ts';
import { prices } from '../lib/operations/prices.ts';
import { catalogue } from '../test/support/application.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { meteredClient } from './harness/metered-client.ts';

const { projections } = agents;

// The cost of a million events on AWS: units counted on the emulator, at list prices. `--write` writes docs/cost.md.

const MILLION = 1_000_000;
const EVENT_BYTES = 300;
/** Number of appends that are measured for each size; the result is scaled up. */
const SAMPLE = 100;
/** Commits in a batch of the projector and the relay: those of a second at 50 commits a second. */
const BATCH = 50;

/** Assumed times of the functions, in the order of magnitude of deployed functions. */
const assumed = {
  commandMs: 15,
  commandGigabytes: 1,
  batchMs: 100,
  batchGigabytes: 0.5,
} as const;

/** The average units of an append. */
interface Units {
  readonly append: number;
  readonly log: number;
  readonly views: { readonly write: number; readonly read: number };
  /** Bytes of an event in its commit, and in the log. */
  readonly stored: number;
  readonly logged: number;
}

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const tables = await createTables();
  const commits = new DynamoCommitStorage(client, tables.events);
  const store = new EventStore(commits, { catalogue });
  const views = new DynamoViewStore(client, tables.views);
  const sharedViews = new DynamoSharedViews(client, tables.views);

  async function measureUnits(size: number): Promise<Units> {
    const written: Commit[] = [];
    const append = await measure(async () => {
      for (let index = 0; index < SAMPLE; index += 1) {
        await store.append(`agent-${size}-${index}`, sampleEvents(size, EVENT_BYTES), { expectedVersion: 0 });
      }
    });
    for (let index = 0; index < SAMPLE; index += 1) {
      written.push(...(await Array.fromAsync(store.commits(`agent-${size}-${index}`))));
    }
    const log = new LogWriter({
      catalogue,
      storage: new DynamoLogStorage(client, tables.log),
      commits,
      strategy: 'single',
    });
    const projector = new Projector({ projections, store, views, sharedViews });
    const batches = Array.from({ length: SAMPLE / BATCH }, (_, index) =>
      written.slice(index * BATCH, (index + 1) * BATCH),
    );
    const logged = await measure(async () => {
      for (const batch of batches) await log.append(batch);
    });
    const projected = await measure(async () => {
      for (const batch of batches) {
        const failures = await projector.apply(batch);
        if (failures[0]) throw failures[0].error;
      }
    });
    return {
      append: append.writeUnits / SAMPLE,
      log: logged.writeUnits / SAMPLE,
      views: { write: projected.writeUnits / SAMPLE, read: projected.readUnits / SAMPLE },
      stored: written.reduce((sum, { body }) => sum + body.length + 150, 0) / (SAMPLE * size),
      logged: (logged.writeUnits * 1_024) / (SAMPLE * size),
    };
  }

  /** The write units of an append of `size` events in a store with an item for each event. */
  async function oneItemPerEvent(size: number): Promise<number> {
    const items = sampleEvents(size, EVENT_BYTES).map(
      ({ type, data }, index): Record<string, AttributeValue> => ({
        stream: { S: `main/other-${size}` },
        version: { N: String(index + 1) },
        id: { S: '01M870000000000000000000' },
        type: { S: type },
        timestamp: { S: '2026-01-05T09:00:00.123Z' },
        data: { S: JSON.stringify(data) },
      }),
    );
    const condition = { TableName: tables.events, ConditionExpression: 'attribute_not_exists(version)' };
    const { writeUnits } = await measure(async () => {
      const [first] = items;
      if (items.length === 1) await client.send(new PutItemCommand({ ...condition, Item: first }));
      else
        await client.send(
          new TransactWriteItemsCommand({ TransactItems: items.map((Item) => ({ Put: { ...condition, Item } })) }),
        );
    });
    return writeUnits;
  }

  const columns = [];
  for (const size of [1, 10, 100]) {
    const [units, theirs] = [await measureUnits(size), await oneItemPerEvent(size)];
    columns.push({
      size,
      units,
      theirs,
      annals: computeCosts(size, units),
      other: computeCosts(size, { ...units, append: theirs, log: 0, logged: 0, stored: EVENT_BYTES + 150 }),
    });
  }
  const text = page(columns);
  console.log(text);
  if (process.argv.includes('--write')) writeFileSync(new URL('../docs/cost.md', import.meta.url), text);
  client.destroy();
});

/** US dollars for a million events, by part of the system. */
function computeCosts(size: number, units: Units): Record<string, number> {
  const appends = MILLION / size;
  const { dynamoDb, lambda, apiRequest, busEvent } = prices;
  const run = (invocations: number, ms: number, gigabytes: number) =>
    invocations * (lambda.request + (ms / 1_000) * gigabytes * lambda.gigabyteSecond);
  const gigabytes = ((units.stored + units.logged) * MILLION) / 2 ** 30;
  return {
    'API (requests)': appends * apiRequest,
    'command function': run(appends, assumed.commandMs, assumed.commandGigabytes),
    'append (events table)': appends * units.append * dynamoDb.writeUnit,
    'projector and relay functions': run((2 * appends) / BATCH, assumed.batchMs, assumed.batchGigabytes),
    'log (table)': appends * units.log * dynamoDb.writeUnit,
    'views (table)': appends * (units.views.write * dynamoDb.writeUnit + units.views.read * dynamoDb.readUnit),
    'bus (EventBridge)': MILLION * busEvent,
    'storage, a month, with backups': gigabytes * (dynamoDb.gigabyteMonth + dynamoDb.backupGigabyteMonth),
  };
}

interface Column {
  readonly size: number;
  readonly units: Units;
  readonly theirs: number;
  readonly annals: Record<string, number>;
  readonly other: Record<string, number>;
}

function page(columns: readonly Column[]): string {
  const dollars = (value: number) => value.toFixed(2);
  const row = (name: string, cells: readonly string[]) => `| ${name} | ${cells.join(' | ')} |`;
  const head = (names: readonly string[]) => [
    row('', names),
    row(
      '---',
      names.map(() => '---:'),
    ),
  ];
  const total = (costs: Record<string, number>) => Object.values(costs).reduce((sum, value) => sum + value, 0);
  const sizes = columns.map(({ size }) => `${size} a commit`);
  const parts = Object.keys(columns[0]?.annals ?? {});
  return [
    '# What a million events cost on AWS',
    '',
    `\`npm run bench -- cost --write\` computes this page. It counts units on the DynamoDB emulator with events of ${EVENT_BYTES} bytes and uses the list`,
    `prices of us-east-1 as of ${prices.asOf} (\`lib/operations/prices.ts\`), without free tiers. A batch has ${BATCH} commits. Two figures are assumed and not`,
    `measured: a command runs ${assumed.commandMs} ms in ${assumed.commandGigabytes} GB, and a batch runs ${assumed.batchMs} ms in ${assumed.batchGigabytes} GB. Prices may change. The dashboard of a stage shows the`,
    'actual cost of its tables.',
    '',
    'US dollars per million events, by the number of events in an append:',
    '',
    ...head(sizes),
    ...parts.map((part) =>
      row(
        part,
        columns.map(({ annals }) => dollars(annals[part] ?? 0)),
      ),
    ),
    row(
      '**total**',
      columns.map(({ annals }) => `**${dollars(total(annals))}**`),
    ),
    row(
      'total with one item per event, no log',
      columns.map(({ other }) => dollars(total(other))),
    ),
    '',
    'Units of one append:',
    '',
    ...head(sizes),
    row(
      'write units, one commit',
      columns.map(({ units }) => String(units.append)),
    ),
    row(
      'write units, one item per event',
      columns.map(({ theirs }) => String(theirs)),
    ),
    row(
      'write units of the log',
      columns.map(({ units }) => units.log.toFixed(2)),
    ),
    row(
      'write / read units of views',
      columns.map(({ units }) => `${units.views.write.toFixed(2)} / ${units.views.read.toFixed(2)}`),
    ),
    row(
      'bytes of an event as stored',
      columns.map(({ units }) => units.stored.toFixed(0)),
    ),
    '',
    'A request costs more than all work behind it, so agents save most when they append several events at once. A store with one item per event pays',
    'twice for the transaction and again for every event in it. That total has no log; such a store would need a log to be read in order.',
    '',
    '**Cost of monitoring.** Metrics: a line of about 300 bytes for each set of labels, at most every 10 s for each busy function environment; 30 cents a month',
    `for each time series in CloudWatch. Traces: $${(prices.trace * MILLION).toFixed(2)} for a million recorded traces; X-Ray records one in twenty by default. Alarms: 10 cents a month for each metric`,
    'of an alarm. A health check every 30 s: 88,000 invocations a month, half of them through a queue.',
    '',
    '**Cost of a verification.** `npm run bench -- verification` counts read units with 100 streams; the figures are scaled to 100,000 commits of one event: 49,850',
    'read units ($0.006) at 50 commits a stream, 110,650 ($0.014) at 10, 820,500 ($0.10) at one. This is about 8 units a stream and 0.35 a commit. Each run',
    'reads everything. So a million commits, 10 a stream, cost $4.15 a month with one run a day (`-c verifyEveryHours=24`, 30 runs) and $0.59 with one run a week',
    '(168, 4.3 runs). The time of the function is not included.',
    '',
  ].join('\n');
}
