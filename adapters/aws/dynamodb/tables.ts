import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

type Table = Omit<CreateTableCommandInput, 'TableName'>;

/** Whose data an item is: the first part of every partition key. There is one tenant until there are more. */
export const DEFAULT_TENANT = 'main';

/** Finds the commits that callers gave an id; no other commit is in it, and no other pays for it. */
export const BY_COMMIT_ID = 'byCommitId';

/** Lists views by group. Keys only: a view that stays in its group costs the index nothing, however often it changes. */
export const BY_GROUP = 'byGroup';

/** Lists control items by kind. Keys only: an item that changes costs the index nothing. */
export const BY_KIND = 'byKind';

/** Lists the streams that wait as dead letters, with their marks; no other view is in it, and no other pays for it. */
export const BY_PARKED = 'byParked';

/** Lists shared views by the counter that ranks them; only views of ranked projections are in it. */
export const BY_RANK = 'byRank';

/**
 * One item a commit. Besides its keys: `count`, `recordedAt`, `types`, `body`, `trace`, and its id, which is
 * `idempotencyKey` when the caller gave it and `commitId` when not. A keyed commit has the `digest` of its request. Notes
 * beside the commits have negative versions; see commit-item.ts.
 */
export const eventsTable = {
  AttributeDefinitions: [
    { AttributeName: 'stream', AttributeType: 'S' }, // <tenant>/<streamId>
    { AttributeName: 'version', AttributeType: 'N' }, // sequence number of the first event
    { AttributeName: 'idempotencyKey', AttributeType: 'S' },
  ],
  KeySchema: [
    { AttributeName: 'stream', KeyType: 'HASH' },
    { AttributeName: 'version', KeyType: 'RANGE' },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: BY_COMMIT_ID,
      KeySchema: [
        { AttributeName: 'stream', KeyType: 'HASH' },
        { AttributeName: 'idempotencyKey', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Table;

/** Attribute of an archived page of the log that says when DynamoDB may drop it, in seconds since 1970. */
export const EXPIRES_AT = 'expiresAt';

/**
 * One item a view. Besides its keys: `version`, the checkpoint, `body`, the view as JSON, and, while its stream waits as a
 * dead letter, `parked`, the mark as JSON. A shared view is an item a shard: a counter an attribute, named by its path.
 */
export const viewsTable = {
  AttributeDefinitions: [
    { AttributeName: 'view', AttributeType: 'S' }, // <tenant>/<projection>/<generation>/<key>
    { AttributeName: 'listing', AttributeType: 'S' }, // <tenant>/<projection>/<generation>/<group>, the group '' too
    { AttributeName: 'key', AttributeType: 'S' },
    { AttributeName: 'parkedIn', AttributeType: 'S' }, // <tenant>/<projection>/<generation>
    { AttributeName: 'board', AttributeType: 'S' }, // the same
    { AttributeName: 'score', AttributeType: 'N' },
  ],
  KeySchema: [{ AttributeName: 'view', KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: BY_GROUP,
      KeySchema: [
        { AttributeName: 'listing', KeyType: 'HASH' },
        { AttributeName: 'key', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
    {
      IndexName: BY_PARKED,
      KeySchema: [
        { AttributeName: 'parkedIn', KeyType: 'HASH' },
        { AttributeName: 'key', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['version', 'parked'] },
    },
    {
      IndexName: BY_RANK,
      KeySchema: [
        { AttributeName: 'board', KeyType: 'HASH' },
        { AttributeName: 'score', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['key'] },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Table;

/** One item a control item. Besides its keys: `revision`, the number of its writes, and `content` as JSON. */
export const controlTable = {
  AttributeDefinitions: [
    { AttributeName: 'item', AttributeType: 'S' }, // <tenant>/<kind>/<id>
    { AttributeName: 'kind', AttributeType: 'S' }, // <tenant>/<kind>
    { AttributeName: 'id', AttributeType: 'S' },
  ],
  KeySchema: [{ AttributeName: 'item', KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: BY_KIND,
      KeySchema: [
        { AttributeName: 'kind', KeyType: 'HASH' },
        { AttributeName: 'id', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Table;

/**
 * The log: one item a page of it, with what {@link LogPage} says of it. One partition key takes 1,000 write units a second,
 * and as pages are put at its end, no split of the table helps; `by_aggregate_type` divides it.
 */
export const logTable = {
  AttributeDefinitions: [
    { AttributeName: 'partition', AttributeType: 'S' }, // <tenant>/<partition>
    { AttributeName: 'page', AttributeType: 'N' },
  ],
  KeySchema: [
    { AttributeName: 'partition', KeyType: 'HASH' },
    { AttributeName: 'page', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Table;

/** One item an outstanding answer of a saga, and one more per party whose end concerns it. Dropped a week after its deadline. */
export const sagaTokensTable = {
  AttributeDefinitions: [
    { AttributeName: 'waits', AttributeType: 'S' }, // <tenant>/saga/<sagaId>, <tenant>/party/<streamId>
    { AttributeName: 'place', AttributeType: 'S' }, // <step>/<item>, <sagaId>/<step>/<item>
  ],
  KeySchema: [
    { AttributeName: 'waits', KeyType: 'HASH' },
    { AttributeName: 'place', KeyType: 'RANGE' },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Table;
