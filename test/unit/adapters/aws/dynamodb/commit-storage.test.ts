import {
  DynamoDBClient,
  TransactionCanceledException,
  TransactionConflictException,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { expect, it, vi } from 'vitest';
import { DynamoCommitStorage } from '../../../../../adapters/aws/dynamodb/commit-storage.ts';
import type { Change } from '../../../../../core/store/commit-storage.ts';

const commit = {
  ...{ stream: 'agent-42', version: 1, count: 1, commitId: 'id', keyed: false, types: ['agent.step-recorded'] },
  ...{ recordedAt: '2026-01-05T09:00:00.123Z', body: new Uint8Array([0, 91, 93]) },
};
const change: Change = {
  puts: [{ commit, given: new Map() }],
  free: [{ stream: 'agent-43', version: 8 }],
  entries: [],
  freeTags: [{ tag: 'course:c1', number: 3 }],
};

/** A storage whose client throws these errors, a call each, and then answers. */
function failing(...errors: readonly Error[]) {
  const client = new DynamoDBClient({});
  const send = vi.spyOn(client, 'send').mockImplementation(async () => {
    const error = errors[send.mock.calls.length - 1];
    if (error) throw error;
    return {};
  });
  return { storage: new DynamoCommitStorage(client, 'events'), send };
}

const conflict = () =>
  new TransactionConflictException({ message: 'Transaction is ongoing for the item', $metadata: {} });
const cancelled = (...codes: readonly string[]) =>
  new TransactionCanceledException({
    message: 'cancelled',
    $metadata: {},
    CancellationReasons: codes.map((Code) => ({ Code })),
  });

it('an append that meets a transaction at its place is repeated, and is no fault of the event', async () => {
  const { storage, send } = failing(conflict(), conflict());
  expect(await storage.put(commit)).toBeUndefined();
  expect(send).toHaveBeenCalledTimes(3);
});

it('a transaction is one request with conditions only; a cancelled attempt has a token of its own', async () => {
  const { storage, send } = failing(cancelled('None', 'TransactionConflict', 'None'));
  expect(await storage.transact(change)).toBeUndefined();
  const inputs = send.mock.calls.map(([{ input }]) => input as TransactWriteItemsCommandInput);
  expect(inputs).toHaveLength(2);
  const keys = inputs[0]?.TransactItems?.map(({ Put, ConditionCheck }) => [
    Put?.Item?.['stream']?.S,
    ConditionCheck?.Key,
  ]);
  expect(keys).toEqual([
    ['main/agent-42', undefined],
    [undefined, { stream: { S: 'main/agent-43' }, version: { N: '8' } }],
    [undefined, { stream: { S: 'main/:tag:course:c1' }, version: { N: '-3' } }],
  ]);
  expect(inputs[1]?.TransactItems).toEqual(inputs[0]?.TransactItems);
  expect(inputs[0]?.ClientRequestToken).toMatch(/^[0-9A-Z]{26}$/);
  expect(inputs[1]?.ClientRequestToken).not.toBe(inputs[0]?.ClientRequestToken);
});
