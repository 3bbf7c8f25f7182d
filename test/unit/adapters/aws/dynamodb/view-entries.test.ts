import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DynamoGenerationStore } from '../../../../../adapters/aws/dynamodb/generation-store.ts';
import { DynamoViewStore } from '../../../../../adapters/aws/dynamodb/view-store.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import type { ListEntry } from '../../../../../core/projections/entries.ts';
import type { StoredView } from '../../../../../core/projections/projection.ts';
import { createTables } from '../../../../support/tables.ts';

const client = new DynamoDBClient({});
/** Requests of a test, with their units. */
const requests: { name: string; units: number }[] = [];
/** The number of transactions until the connection breaks. */
let left = Number.POSITIVE_INFINITY;
interface Capacity {
  readonly CapacityUnits?: number;
}
client.middlewareStack.add(
  (next, { commandName = '' }) =>
    async (args) => {
      if (commandName === 'TransactWriteItemsCommand' && left-- <= 0) throw new Error('the process has ended');
      const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } } as typeof args);
      const { ConsumedCapacity = [] } = answer.output as { ConsumedCapacity?: Capacity | Capacity[] };
      const units = [ConsumedCapacity].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
      requests.push({ name: commandName.replace('Command', ''), units });
      return answer;
    },
  { step: 'initialize' },
);

let table: string;
let views: DynamoViewStore;
beforeAll(async () => {
  table = (await createTables()).views;
  views = new DynamoViewStore(client, table);
});
beforeEach(() => {
  left = Number.POSITIVE_INFINITY;
  requests.length = 0;
});

const at = (list: string, order = '5'): ListEntry => ({ list, order });
const many = (name: string): ListEntry[] =>
  Array.from({ length: 100 }, (_, n) => at(`${name}-${String(n).padStart(2, '0')}`));

/** Writes the next version of a view. */
async function put(key: string, entries?: readonly ListEntry[]): Promise<boolean> {
  const place = { projection: 'tasks', generation: 1, key };
  const before: StoredView = (await views.get('tasks', 1, key)) ?? { ...place, version: 0, group: '', view: undefined };
  requests.length = 0;
  const next = { ...before, version: before.version + 1, group: 'open', view: { text: 'x'.repeat(300) } };
  return views.put(next, before.version, undefined, entries);
}

/** The places in lists that the table has for a view, whoever sees them. */
async function itemsOf(key: string): Promise<string[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
  const mark = `/@${key}/`;
  return Items.flatMap(({ view }) => (view?.S?.includes(mark) ? [view.S.split(mark)[1] ?? ''] : [])).toSorted();
}

const shown = async (list: string) => (await views.listed('tasks', 1, list, { limit: 100 })).listed.length;

describe('a write of a view on DynamoDB', () => {
  it('is one put while no entry changes, and costs what it costs without entries', async () => {
    await put('plain');
    await put('plain');
    const [plain] = requests;
    expect(requests).toEqual([{ name: 'PutItem', units: 1 }]);
    await put('entered', [at('x'), at('y')]);
    await put('entered', [at('x'), at('y')]);
    expect(requests).toEqual([plain]);
    await put('entered');
    expect(requests).toEqual([plain]);
  });

  it('is one transaction of the view and the entries that change', async () => {
    await put('few');
    const changes: [ListEntry[], number][] = [
      [[at('x')], 5], // the view 2, the entry 2, its place in the index 1
      [[at('x'), at('y')], 5],
      [[at('x'), at('y', '6')], 8], // an entry goes and another comes
      [[at('x')], 5],
      [[], 5],
    ];
    for (const [entries, units] of changes) {
      await put('few', entries);
      expect(requests, JSON.stringify(entries)).toEqual([{ name: 'TransactWriteItems', units }]);
      expect(await itemsOf('few')).toEqual(entries.map(({ list, order }) => `${list}/${order}`));
    }
  });
});

describe('a removed generation', () => {
  it('leaves no items of entries', async () => {
    await put('gone', [at('x'), at('y')]);
    await new DynamoGenerationStore(client, table).remove('tasks', 1, ['gone']);
    expect(await itemsOf('gone')).toEqual([]);
    expect(await views.get('tasks', 1, 'gone')).toBeUndefined();
  });
});

describe('a change of a hundred entries on DynamoDB', () => {
  it.each([
    ['to come', [], 'a'],
    ['to move', 'a', 'b'],
    ['to go', 'a', []],
  ] as const)('%s is whole for readers, wherever it ends', async (name, from, to) => {
    const entries = (of: string | readonly never[]) => (typeof of === 'string' ? many(`${name}-${of}`) : []);
    const key = `k${name.replace(' ', '-')}`;
    const [before, after] = [entries(from), entries(to)];
    const places = (of: readonly ListEntry[]) => of.map(({ list, order }) => `${list}/${order}`).toSorted();
    let writes = 0;
    for (let ended = true; ended; writes++) {
      const stored = `${key}-${writes}`;
      expect(await put(stored, before)).toBe(true);
      left = writes;
      ended = await put(stored, after).then(
        () => false,
        () => true,
      );
      left = Number.POSITIVE_INFINITY;
      const read = await views.get('tasks', 1, stored);
      const isWritten = read?.version === 2;
      expect(read?.entries ?? []).toEqual(isWritten ? after : before);
      for (const [list, is] of [
        [before, !isWritten],
        [after, isWritten],
      ] as const) {
        for (const { list: one } of [list.at(0), list.at(50), list.at(-1)].filter((entry) => entry !== undefined)) {
          expect(await shown(one), `${one} after ${writes} transactions`).toBe(is ? 1 : 0);
        }
      }
      await put(stored, after);
      expect(await itemsOf(stored)).toEqual(places(after));
      expect(await views.get('tasks', 1, stored)).not.toHaveProperty('surplus');
      await put(stored, []);
      expect(await itemsOf(stored)).toEqual([]);
    }
    expect(writes - 1, 'transactions').toBe(name === 'to move' ? 4 : 2);
  });

  it('costs two requests when they come with the first event, and makes other writers read again', async () => {
    left = 1;
    await expect(put('raced', many('raced'))).rejects.toThrow(UnavailableError);
    left = Number.POSITIVE_INFINITY;
    const stale: StoredView = { projection: 'tasks', generation: 1, key: 'raced', version: 1, group: '', view: {} };
    expect(await views.put(stale, 0)).toBe(false);
    await put('raced', many('raced'));
    await put('whole', many('whole'));
    expect(requests).toEqual([
      { name: 'TransactWriteItems', units: 6 },
      { name: 'TransactWriteItems', units: 305 },
    ]);
  });
});
