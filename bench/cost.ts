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
import { projections } from '../domain/projections.ts';
import { prices } from '../lib/operations/prices.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { sampleEvents } from './harness/events.ts';
import { meteredClient } from './harness/metered-client.ts';

// What a million events cost on AWS: units counted on the emulator, at list prices. `--write` writes docs/cost.md.

const MILLION = 1_000_000;
const EVENT_BYTES = 300;
/** Appends of each kind that are measured and scaled up. */
const SAMPLE = 100;
/** Commits that reach the projector and the relay at once: what a second brings at this many commits a second. */
const BATCH = 50;

/** What cannot be counted here and is taken from the deployed functions' order of magnitude. */
const assumed = {
  commandMs: 15,
  commandGigabytes: 1,
  batchMs: 100,
  batchGigabytes: 0.5,
} as const;

/** Of one append, on average. */
interface Units {
  readonly append: number;
  readonly log: number;
  readonly views: { readonly write: number; readonly read: number };
  /** Bytes of an event as its commit stores it, and as the log does. */
  readonly stored: number;
  readonly logged: number;
}

await withEmulator(async () => {
  const { client, measure } = meteredClient();
  const tables = await createTables();
  const commits = new DynamoCommitStorage(client, tables.events);
  const store = new EventStore(commits);
  const views = new DynamoViewStore(client, tables.views);
  const sharedViews = new DynamoSharedViews(client, tables.views);

  async function unitsOf(size: number): Promise<Units> {
    const written: Commit[] = [];
    const append = await measure(async () => {
      for (let index = 0; index < SAMPLE; index += 1) {
        await store.append(`agent-${size}-${index}`, sampleEvents(size, EVENT_BYTES), { expectedVersion: 0 });
      }
    });
    for (let index = 0; index < SAMPLE; index += 1) {
      written.push(...(await Array.fromAsync(store.commits(`agent-${size}-${index}`))));
    }
    const log = new LogWriter({ storage: new DynamoLogStorage(client, tables.log), commits, strategy: 'single' });
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

  /** The write units of an append of as many events by a store that keeps one item for each. */
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
    const [units, theirs] = [await unitsOf(size), await oneItemPerEvent(size)];
    columns.push({
      size,
      units,
      theirs,
      annals: costOf(size, units),
      other: costOf(size, { ...units, append: theirs, log: 0, logged: 0, stored: EVENT_BYTES + 150 }),
    });
  }
  const text = page(columns);
  console.log(text);
  if (process.argv.includes('--write')) writeFileSync(new URL('../docs/cost.md', import.meta.url), text);
  client.destroy();
});

/** US dollars for a million events, by what they go for. */
function costOf(size: number, units: Units): Record<string, number> {
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
    `Computed by \`npm run bench -- cost --write\`: units counted on the DynamoDB emulator with events of ${EVENT_BYTES} bytes, at the list prices of us-east-1 as of`,
    `${prices.asOf} (\`lib/operations/prices.ts\`), without free tiers. Batches of ${BATCH} commits; a command runs ${assumed.commandMs} ms in ${assumed.commandGigabytes} GB, a batch ${assumed.batchMs} ms in ${assumed.batchGigabytes} GB: assumed, not`,
    'measured, as are the prices of tomorrow. The dashboard of a stage shows what its tables really cost.',
    '',
    'US dollars per million events, by how many one append holds:',
    '',
    ...head(sizes),
    ...parts.map((part) =>
      row(
        part,
        columns.map(({ annals }) => dollars(annals[part] ?? 0)),
      ),
    ),
    row(
      '**all of it**',
      columns.map(({ annals }) => `**${dollars(total(annals))}**`),
    ),
    row(
      'the same with one item per event, no log',
      columns.map(({ other }) => dollars(total(other))),
    ),
    '',
    'The units behind it, of one append:',
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
    'What it says: a request costs more than everything behind it, so agents that append several events at once save most. One item per event pays twice for',
    'a transaction and again for every event in it; it has no log here, which it would need to be read in order.',
    '',
    '**What watching costs besides.** Metrics: a line of about 300 bytes for each set of labels, at most every 10 s of a busy function environment; 30 cents a month for each',
    `time series that CloudWatch makes of it. Traces: $${(prices.trace * MILLION).toFixed(2)} a million recorded, of which X-Ray's default takes one in twenty. Alarms: 10 cents a month each, for each metric that they look at.`,
    'Health every 30 s: 88,000 invocations a month, half of them by way of a queue.',
    '',
    '**What a verification reads.** Counted by `npm run bench -- verification` with 100 streams, scaled to 100,000 commits of one event: 49,850 read units ($0.006) at 50 commits a stream, 110,650',
    '($0.014) at 10, 820,500 ($0.10) at one: about 8 units a stream and 0.35 a commit. It reads everything each time, so a month costs that times its runs: a million commits,',
    '10 a stream, cost $4.15 a month once a day (`-c verifyEveryHours=24`, 30 runs) and $0.59 once a week (168, 4.3 runs). The time of the function comes on top.',
    '',
  ].join('\n');
}
