import { Aws } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type Data, indexes } from './data.ts';

/**
 * The permissions of each function, action by action. The grants of CDK's constructs are too wide: their grant to write to a
 * table allows updates and deletes, but events are never updated or deleted.
 */
const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });
const indexArn = (table: Table, index: string) => `${table.tableArn}/index/${index}`;

/** Use of a key by a service for the caller. The caller cannot decrypt with the key directly. */
function useKey(key: IKey, service: 'dynamodb' | 's3', actions: string[]): PolicyStatement {
  return new PolicyStatement({
    actions,
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}` } },
  });
}

/** Use of a key for starting and answering state machines, whose inputs and answers are encrypted with it. */
const useKeyForMachines = (key: IKey, machines: string[]): PolicyStatement =>
  new PolicyStatement({
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:EncryptionContext:aws:states:stateMachineArn': machines } },
  });

const toRead = ['kms:Decrypt', 'kms:DescribeKey'];
const toWrite = [...toRead, 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];

/**
 * Reads of objects in some folders. The permission to list is needed too: without it S3 answers 403 for an object that does
 * not exist. A list only shows the names of streams.
 */
function readObjects({ objects, key }: Data, ...folders: string[]): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], ...folders.map((folder) => objects.arnForObjects(`${folder}/*`))),
    allow(['s3:ListBucket'], objects.bucketArn),
    useKey(key, 's3', ['kms:Decrypt']),
  ];
}

/** Command: appends events, and reads the history that a decision needs. */
export const appendEvents = (data: Data): PolicyStatement[] => [
  // The checks of a transaction have a permission of their own.
  allow(
    ['dynamodb:PutItem', 'dynamodb:ConditionCheckItem', 'dynamodb:GetItem', 'dynamodb:Query'],
    data.events.tableArn,
  ),
  allow(['dynamodb:Query'], indexArn(data.events, indexes.byCommitId)),
  ...readObjects(data, 'snapshots', 'large-events'),
  allow(['s3:PutObject'], data.objects.arnForObjects('large-events/*')),
  useKey(data.key, 's3', ['kms:GenerateDataKey']),
  useKey(data.key, 'dynamodb', toWrite),
];

/** Query: reads views, streams and the log. */
export const readEventsAndViews = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], data.views.tableArn),
  allow(
    ['dynamodb:Query'],
    ...[indexes.byGroup, indexes.byParked, indexes.byRank].map((index) => indexArn(data.views, index)),
  ),
  allow(['dynamodb:GetItem'], data.control.tableArn),
  allow(['dynamodb:Query'], data.log.tableArn),
  ...readObjects(data, 'snapshots', 'large-events', 'large-views', 'log'),
  useKey(data.key, 'dynamodb', toRead),
  useKey(data.viewsKey, 'dynamodb', toRead),
];

/** Timer: reads views by their lists. */
export const readLists = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], data.views.tableArn),
  allow(['dynamodb:Query'], indexArn(data.views, indexes.byGroup)),
  allow(['dynamodb:GetItem'], data.control.tableArn),
  ...readObjects(data, 'large-views'),
  useKey(data.viewsKey, 'dynamodb', toRead),
];

/** Verification: reads views, streams and the log, scans all events, and saves its progress. */
export const verifyEventsAndViews = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Scan'], data.events.tableArn),
  ...readEventsAndViews(data),
  allow(['dynamodb:PutItem'], data.control.tableArn),
  allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], data.objects.arnForObjects('verifications/*')),
  useKey(data.key, 's3', ['kms:GenerateDataKey']),
  useKey(data.viewsKey, 'dynamodb', toWrite),
];

/** Removes entries of views in lists, which needs a transaction with the view. */
const removeEntries = ({ views }: Data): PolicyStatement =>
  new PolicyStatement({
    actions: ['dynamodb:DeleteItem'],
    resources: [views.tableArn],
    conditions: { StringEquals: { 'dynamodb:EnclosingOperation': 'TransactWriteItems' } },
  });

/** Projector: writes views and snapshots, and reads commits that a delivery left out. */
export const projectEvents = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  // Shared views are updated by increments, and the progress of a change of many entries.
  allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], data.views.tableArn),
  removeEntries(data),
  allow(['dynamodb:GetItem'], data.control.tableArn),
  ...readObjects(data, 'snapshots', 'large-events', 'large-views'),
  allow(
    ['s3:PutObject', 's3:DeleteObject'],
    ...['snapshots/*', 'large-views/*'].map((objects) => data.objects.arnForObjects(objects)),
  ),
  useKey(data.key, 's3', ['kms:GenerateDataKey']),
  useKey(data.key, 'dynamodb', toRead),
  useKey(data.viewsKey, 'dynamodb', toWrite),
];

/** Projector: appends to the streams of budgets, and to no others, and reads what is spent of them. */
export const keepBudgets = (data: Data): PolicyStatement[] => [
  new PolicyStatement({
    actions: ['dynamodb:PutItem'],
    resources: [data.events.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['*/budget-*'] } },
  }),
  allow(['dynamodb:GetItem'], data.events.tableArn),
  allow(['dynamodb:Query'], indexArn(data.events, indexes.byCommitId), indexArn(data.views, indexes.byGroup)),
  allow(['dynamodb:BatchGetItem'], data.views.tableArn),
  useKey(data.key, 'dynamodb', toWrite),
];

/** Work: takes a counter for a name, for the budget of the name. */
export const nameCounters = ({ views }: Pick<Data, 'views'>): PolicyStatement =>
  new PolicyStatement({
    actions: ['dynamodb:PutItem'],
    resources: [views.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['*/0/=names'] } },
  });

/** Replay: builds, compares and removes whole generations of views, from the log and the commits. */
export const replayEvents = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn, data.log.tableArn),
  allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], data.views.tableArn),
  allow(['dynamodb:PutItem', 'dynamodb:UpdateItem'], data.views.tableArn),
  allow(['dynamodb:BatchWriteItem', 'dynamodb:DeleteItem'], data.views.tableArn),
  allow(['dynamodb:Query'], indexArn(data.views, indexes.byGroup), indexArn(data.views, indexes.byRank)),
  allow(['dynamodb:GetItem', 'dynamodb:PutItem'], data.control.tableArn),
  ...readObjects(data, 'large-events', 'large-views', 'log'),
  allow(['s3:PutObject', 's3:DeleteObject'], data.objects.arnForObjects('large-views/*')),
  useKey(data.key, 's3', ['kms:GenerateDataKey']),
  useKey(data.key, 'dynamodb', toRead),
  useKey(data.viewsKey, 'dynamodb', toWrite),
];

type Items = Pick<Data, 'control' | 'viewsKey'>;

/** Work: reads, writes and lists the items beside the history, such as leases. */
export const keepItems = ({ control, viewsKey }: Items): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:BatchGetItem'], control.tableArn),
  allow(['dynamodb:Query'], indexArn(control, indexes.byKind)),
  useKey(viewsKey, 'dynamodb', toWrite),
];

/** Operate: reads and writes the control items of replays, and starts replays. */
export const operateReplays = ({ control, viewsKey }: Items, stateMachineArn: string): PolicyStatement[] => [
  ...keepItems({ control, viewsKey }),
  ...startMachines([stateMachineArn], viewsKey),
];

/** Archiver: removes objects that no commit and no view refers to. The bucket keeps removed objects for 35 days. */
export const sweepBodies = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:GetItem'], data.views.tableArn),
  allow(
    ['s3:DeleteObject'],
    ...['large-events/*', 'large-views/*'].map((objects) => data.objects.arnForObjects(objects)),
  ),
  useKey(data.viewsKey, 'dynamodb', toRead),
];

/** Archiver: reads pages of the log and marks them for expiry, and writes and checks their segments. */
export const archiveLog = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Query', 'dynamodb:UpdateItem'], data.log.tableArn),
  ...readObjects(data, 'log'),
  allow(['s3:PutObject'], data.objects.arnForObjects('log/*')),
  useKey(data.key, 's3', ['kms:GenerateDataKey']),
  useKey(data.key, 'dynamodb', toWrite),
];

/** Inserts and raises marks of streams, by PartiQL. The condition excludes pages, which have other partition keys. */
const updateMarks = ({ log }: Data): PolicyStatement =>
  new PolicyStatement({
    actions: ['dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate'],
    resources: [log.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['*/marks/*'] } },
  });

/** Relay: appends pages and marks to the log, and reads commits that a delivery left out, and archived pages without marks. */
export const appendToLog = (data: Data): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:PutItem', 'dynamodb:Query'], data.log.tableArn),
  allow(['dynamodb:BatchGetItem'], data.log.tableArn),
  updateMarks(data),
  ...readObjects(data, 'large-events', 'log'),
  useKey(data.key, 'dynamodb', toWrite),
];

/** Relay: writes the marks of streams that cannot be published. */
export const parkStreams = ({ views, viewsKey }: Data): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:PutItem'], views.tableArn),
  allow(['dynamodb:Query'], indexArn(views, indexes.byParked)),
  useKey(viewsKey, 'dynamodb', toWrite),
];

/** Operate: updates views from history, as the projector does. */
export const operateOn = (data: Data): PolicyStatement[] => [
  ...projectEvents(data),
  allow(['dynamodb:Query'], indexArn(data.views, indexes.byParked)),
];

/** Operate: invokes consumers with failed batches, and removes the batches that they took. */
export function redriveBatches(
  { failures, projector, relay, streamArn }: { failures: IBucket; projector: string; relay: string; streamArn: string },
  key: IKey,
): PolicyStatement[] {
  return [
    allow(['s3:ListBucket'], failures.bucketArn),
    allow(['s3:GetObject', 's3:DeleteObject'], failures.arnForObjects('*')),
    useKey(key, 's3', ['kms:Decrypt']),
    allow(['lambda:InvokeFunction'], projector, relay),
    allow(['dynamodb:GetRecords', 'dynamodb:GetShardIterator'], streamArn),
  ];
}

/** Health: reads each table in the cheapest way. */
export const tryParts = ({ events, views, control, log, key, viewsKey }: Data): PolicyStatement[] => [
  allow(['dynamodb:Query'], events.tableArn),
  allow(['dynamodb:GetItem'], views.tableArn),
  allow(['dynamodb:GetItem'], control.tableArn),
  allow(['dynamodb:Query'], log.tableArn),
  useKey(key, 'dynamodb', toRead),
  useKey(viewsKey, 'dynamodb', toRead),
];

/** Publishes events on a bus. */
export const publishTo = (bus: IEventBus): PolicyStatement[] => [allow(['events:PutEvents'], bus.eventBusArn)];

/** Lambda reads the stream with the function's role. All four actions are granted on the stream alone. */
export const readStream = (streamArn: string, key: IKey): PolicyStatement[] => [
  allow(
    ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
    streamArn,
  ),
  useKey(key, 'dynamodb', toRead),
];

/** Lambda writes failed batches to the bucket with the function's role. */
export const keepFailures = (bucket: IBucket, key: IKey): PolicyStatement[] => [
  allow(['s3:PutObject'], bucket.arnForObjects('*')),
  allow(['s3:ListBucket'], bucket.bucketArn),
  useKey(key, 's3', ['kms:GenerateDataKey']),
];

/** Puts, finds and deletes the tokens of outstanding answers. */
export const keepSagaTokens = (tokens: Table): PolicyStatement[] => [
  allow(['dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query'], tokens.tableArn),
];

/** Answers state machines that wait. */
export const answerMachines = (arns: string[], key: IKey): PolicyStatement[] =>
  toMachines(['states:SendTaskSuccess', 'states:SendTaskFailure'], arns, key);

/** Starts state machines. */
export const startMachines = (arns: string[], key: IKey): PolicyStatement[] =>
  toMachines(['states:StartExecution'], arns, key);

/** An application without sagas has no machines, and a statement needs a resource. */
const toMachines = (actions: string[], arns: string[], key: IKey): PolicyStatement[] =>
  arns.length === 0 ? [] : [allow(actions, ...arns), useKeyForMachines(key, arns)];
