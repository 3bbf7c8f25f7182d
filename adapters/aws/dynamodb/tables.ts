import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

type Table = Omit<CreateTableCommandInput, 'TableName'>;

/** The tenant is the first part of every partition key. All data belongs to this tenant unless a store names another. */
export const DEFAULT_TENANT = 'main';

/** Finds the commits that have an idempotency key. Commits without a key are not in the index and cost nothing there. */
export const BY_COMMIT_ID = 'byCommitId';

/** Lists views by group. Keys only, so that a view costs the index nothing while it stays in its group. */
export const BY_GROUP = 'byGroup';

/** Lists control items by kind. Keys only, so that a change of an item costs the index nothing. */
export const BY_KIND = 'byKind';

/** Lists the streams that wait as dead letters, with their marks. Other views are not in the index and cost nothing there. */
export const BY_PARKED = 'byParked';

/** Lists shared views by the counter that ranks them. Only views of ranked projections are in the index. */
export const BY_RANK = 'byRank';

/**
 * An item for each commit. Besides the keys it has `count`, `recordedAt`, `types`, `body` and `trace`. Its id is
 * `idempotencyKey` when the caller gave the id, else `commitId`. A keyed commit has the `digest` of its request. Notes
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

/** Attribute that says when DynamoDB may drop an item, in seconds since 1970. */
export const EXPIRES_AT = 'expiresAt';

/**
 * An item for each view. Besides the keys it has `version`, the checkpoint, and `body`, the view as JSON. While its stream
 * waits as a dead letter, it has `parked`, the mark as JSON. A shared view has an item for each shard, with an attribute
 * for each counter, named by the counter's path.
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

/** Control items. Besides the keys an item has `revision`, the number of its writes, and `content` as JSON. */
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
 * The log: an item for each page, with the attributes of {@link LogPage}. A partition key takes 1,000 write units a second.
 * Pages are put at its end, so that a split of the table does not help; the layout `by_aggregate_type` divides the log.
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

/**
 * An item for each outstanding answer of a saga, and an item for each party with which that answer ends. DynamoDB drops
 * both a week after the answer's deadline.
 */
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
