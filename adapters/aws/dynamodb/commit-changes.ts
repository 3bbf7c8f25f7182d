import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { EventIdTakenError, PayloadTooLargeError } from '../../../core/base/errors.ts';
import type { Change, Obstacles } from '../../../core/store/commit-storage.ts';
import { readCommitItem, readEventNote, streamKey, toCommitItem, toEventNote } from './commit-item.ts';
import type { Item } from './store.ts';
import { type PlaceKey, readMark, readTagging, tagKey, toMarkItem, toTagItem } from './transaction-item.ts';

/** A write of an item, or a check that its place is free. */
type Action = { readonly put: Item } | { readonly free: PlaceKey };

/** An action, and what an item at its place is. A note of an event id belongs to a stream. */
interface ChangeAction {
  readonly action: Action;
  readonly kind: 'commit' | 'entry' | 'mark' | 'note';
  readonly stream?: string;
}

/** The actions of a change, the commits first. */
export function actionsOf({ puts, free, entries, freeTags, mark }: Change, tenant: string): ChangeAction[] {
  const place = (stream: string, version: number): PlaceKey => ({
    stream: { S: streamKey(tenant, stream) },
    version: { N: String(version) },
  });
  return [
    ...puts.map(({ commit }) => ({ kind: 'commit' as const, action: { put: toCommitItem(commit, tenant) } })),
    ...free.map(({ stream, version }) => ({ kind: 'commit' as const, action: { free: place(stream, version) } })),
    ...entries.map((entry) => ({ kind: 'entry' as const, action: { put: toTagItem(tenant, entry) } })),
    ...freeTags.map((tag) => ({ kind: 'entry' as const, action: { free: tagKey(tenant, tag) } })),
    ...(mark ? [{ kind: 'mark' as const, action: { put: toMarkItem(tenant, mark) } }] : []),
    ...puts.flatMap(({ commit: { stream }, given }) =>
      [...given].map(([id, number]) => ({
        kind: 'note' as const,
        stream,
        action: { put: toEventNote(tenant, stream, id, number) },
      })),
    ),
  ];
}

/** An action as DynamoDB takes it. Every place has to be free. */
export function toTransactItem(action: Action, TableName: string): TransactWriteItem {
  const condition = {
    TableName,
    ConditionExpression: 'attribute_not_exists(#key)',
    ExpressionAttributeNames: { '#key': 'stream' },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  return 'put' in action
    ? { Put: { ...condition, Item: action.put } }
    : { ConditionCheck: { ...condition, Key: action.free } };
}

/**
 * What stands at the places of a cancelled change.
 * @throws EventIdTakenError when only event ids are taken
 * @throws PayloadTooLargeError when no place is taken
 */
export function obstaclesIn(actions: readonly ChangeAction[], reasons: readonly CancellationReason[]): Obstacles {
  const met = actions.flatMap(({ kind, stream }, index) => {
    const item = reasons[index]?.Item;
    return item ? [{ kind, stream, item }] : [];
  });
  const of = (wanted: ChangeAction['kind']) => met.filter(({ kind }) => kind === wanted);
  const commits = of('commit').map(({ item }) => readCommitItem(item));
  const entries = of('entry').map(({ item }) => readTagging(item));
  const [mark] = of('mark').map(({ item }) => readMark(item));
  if (commits.length > 0 || entries.length > 0 || mark) return { commits, entries, mark };
  const notes = of('note');
  const [first] = notes;
  if (!first) throw new PayloadTooLargeError('the events and their ids take too much room');
  const ofStream = notes.filter(({ stream }) => stream === first.stream).map(({ item }) => readEventNote(item));
  throw new EventIdTakenError(
    first.stream ?? '',
    new Map(ofStream.map(({ id, sequenceNumber }) => [id, sequenceNumber])),
  );
}
