import {
  type CancellationReason,
  DynamoDBClient,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { describe, expect, it, vi } from 'vitest';
import { dynamoDb } from '../../../../../adapters/aws/clients/clients.ts';
import { DynamoSharedViews } from '../../../../../adapters/aws/dynamodb/shared-views.ts';
import { PayloadTooLargeError, UnavailableError } from '../../../../../core/base/errors.ts';
import type { StoredView } from '../../../../../core/projections/projection.ts';
import { createTables } from '../../../../support/tables.ts';

const place = { projection: 'fleet', generation: 1 };
const next: StoredView = { ...place, key: 'agent-1', version: 1, group: '', view: {} };
const addition = { ...place, increments: new Map([['all', new Map([['/n', 1n]])]]), shard: 0 };

/** A client whose transactions are cancelled for these reasons, one after the other, and succeed afterwards. */
function cancelledFor(...reasons: (string | undefined)[][]) {
  const client = new DynamoDBClient({ region: 'eu-central-1' });
  const send = vi.spyOn(client, 'send').mockImplementation(async () => {
    const codes = reasons.shift();
    if (!codes) return {};
    const CancellationReasons = codes.map((Code): CancellationReason => (Code === undefined ? {} : { Code }));
    throw new TransactionCanceledException({ message: 'cancelled', $metadata: {}, CancellationReasons });
  });
  return { send, shared: new DynamoSharedViews(client, 'views') };
}

const add = (shared: DynamoSharedViews) => shared.add([{ next, expectedVersion: 0 }], addition);
const NONE = 'None';

describe('DynamoSharedViews', () => {
  it.each(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])(
    'repeats a transaction that was cancelled for %s',
    async (code) => {
      const { shared, send } = cancelledFor([NONE, code], [code, NONE]);
      expect(await add(shared)).toBe(true);
      expect(send).toHaveBeenCalledTimes(3);
      for (const [command] of send.mock.calls) expect(command).toBeInstanceOf(TransactWriteItemsCommand);
      const inputs = send.mock.calls.map(([{ input }]) => input as TransactWriteItemsCommandInput);
      expect(new Set(inputs.map(({ TransactItems }) => JSON.stringify(TransactItems))).size).toBe(1);
      expect(new Set(inputs.map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(3);
    },
  );

  it('fails with an UnavailableError when the contention does not end', async () => {
    vi.useFakeTimers();
    try {
      const { shared, send } = cancelledFor(...Array.from({ length: 20 }, () => [NONE, 'TransactionConflict']));
      const failed = add(shared).catch((error: unknown) => error);
      await vi.runAllTimersAsync();
      expect(await failed).toBeInstanceOf(UnavailableError);
      expect(send).toHaveBeenCalledTimes(9);
    } finally {
      vi.useRealTimers();
    }
  });

  it('repeats nothing when a checkpoint has moved', async () => {
    const { shared, send } = cancelledFor(['ConditionalCheckFailed', 'TransactionConflict']);
    expect(await add(shared)).toBe(false);
    expect(send).toHaveBeenCalledOnce();
  });

  it('refuses an addition to a full view as a whole', async () => {
    const shared = new DynamoSharedViews(dynamoDb(), (await createTables()).views);
    const long = (n: number) => new Map(Array.from({ length: 200 }, (_, m) => [`/${n}-${m}-${'x'.repeat(600)}`, 1n]));
    const fill = (n: number) =>
      shared.add([], {
        ...addition,
        increments: new Map([
          ['all', long(n)],
          ['day', long(n)],
        ]),
      });
    for (let n = 0; n < 3; n++) expect(await fill(n)).toBe(true);
    await expect(fill(3)).rejects.toThrow(PayloadTooLargeError);
    expect((await shared.read(place, 'all', 1))?.size).toBe(600);
    expect((await shared.read(place, 'day', 1))?.size).toBe(600);
  });
});
