import { Aws } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { type DataStack, indexes } from './data-stack.ts';

/**
 * What each function may do, action by action. By hand, because the grants of the constructs are wider: theirs to write
 * a table allows to update and delete, and an event is never updated nor deleted.
 */
const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });
const indexArn = (table: Table, index: string) => `${table.tableArn}/index/${index}`;

/** Use of a key on behalf of the caller, by one service only: nobody decrypts anything with it directly. */
function useOf(key: IKey, service: 'dynamodb' | 's3', actions: string[]): PolicyStatement {
  return new PolicyStatement({
    actions,
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:ViaService': `${service}.${Aws.REGION}.${Aws.URL_SUFFIX}` } },
  });
}

/** Use of a key by whoever starts or answers these state machines: the input and the answer are encrypted with it. */
const useForMachines = (key: IKey, machines: string[]): PolicyStatement =>
  new PolicyStatement({
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: [key.keyArn],
    conditions: { StringEquals: { 'kms:EncryptionContext:aws:states:stateMachineArn': machines } },
  });

const toRead = ['kms:Decrypt', 'kms:DescribeKey'];
const toWrite = [...toRead, 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];

/**
 * Objects under some folders. Without the permission to list, S3 answers that what is not there is forbidden; names of
 * streams are all that a list shows.
 */
function readObjects({ objects, key }: DataStack, ...folders: string[]): PolicyStatement[] {
  return [
    allow(['s3:GetObject'], ...folders.map((folder) => objects.arnForObjects(`${folder}/*`))),
    allow(['s3:ListBucket'], objects.bucketArn),
    useOf(key, 's3', ['kms:Decrypt']),
  ];
}

/** Command: append, and read what it needs to decide. */
export const appendEvents = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:Query'], indexArn(data.events, indexes.byCommitId)),
  ...readObjects(data, 'snapshots', 'large-events'),
  allow(['s3:PutObject'], data.objects.arnForObjects('large-events/*')),
  useOf(data.key, 's3', ['kms:GenerateDataKey']),
  useOf(data.key, 'dynamodb', toWrite),
];

/** Query: views, and the history behind them, by stream and as the log. */
export const readEventsAndViews = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], data.views.tableArn),
  allow(
    ['dynamodb:Query'],
    ...[indexes.byGroup, indexes.byParked, indexes.byRank].map((index) => indexArn(data.views, index)),
  ),
  allow(['dynamodb:GetItem'], data.control.tableArn),
  allow(['dynamodb:Query'], data.log.tableArn),
  ...readObjects(data, 'snapshots', 'large-events', 'large-views', 'log'),
  useOf(data.key, 'dynamodb', toRead),
  useOf(data.viewsKey, 'dynamodb', toRead),
];

/** Verification: the same, the whole of the events, to see what the log lacks, and the place where the next invocation goes on. */
export const verifyEventsAndViews = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Scan'], data.events.tableArn),
  ...readEventsAndViews(data),
  allow(['dynamodb:PutItem'], data.control.tableArn),
  allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], data.objects.arnForObjects('verifications/*')),
  useOf(data.key, 's3', ['kms:GenerateDataKey']),
  useOf(data.viewsKey, 'dynamodb', toWrite),
];

/** Projector: views, the commits that a delivery left out, and snapshots of what it folds. */
export const projectEvents = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  // An item that is updated is a shared view: increments are added to it.
  allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], data.views.tableArn),
  allow(['dynamodb:GetItem'], data.control.tableArn),
  ...readObjects(data, 'snapshots', 'large-events', 'large-views'),
  allow(
    ['s3:PutObject', 's3:DeleteObject'],
    ...['snapshots/*', 'large-views/*'].map((objects) => data.objects.arnForObjects(objects)),
  ),
  useOf(data.key, 's3', ['kms:GenerateDataKey']),
  useOf(data.key, 'dynamodb', toRead),
  useOf(data.viewsKey, 'dynamodb', toWrite),
];

/** Replay: whole generations of views, made from the log and the commits, compared, removed. */
export const replayEvents = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn, data.log.tableArn),
  allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], data.views.tableArn),
  allow(['dynamodb:PutItem', 'dynamodb:UpdateItem'], data.views.tableArn),
  allow(['dynamodb:BatchWriteItem', 'dynamodb:DeleteItem'], data.views.tableArn),
  allow(['dynamodb:Query'], indexArn(data.views, indexes.byGroup), indexArn(data.views, indexes.byRank)),
  allow(['dynamodb:GetItem', 'dynamodb:PutItem'], data.control.tableArn),
  ...readObjects(data, 'large-events', 'large-views', 'log'),
  allow(['s3:PutObject', 's3:DeleteObject'], data.objects.arnForObjects('large-views/*')),
  useOf(data.key, 's3', ['kms:GenerateDataKey']),
  useOf(data.key, 'dynamodb', toRead),
  useOf(data.viewsKey, 'dynamodb', toWrite),
];

/** Operate: what is noted of replays, and to start them. */
export const operateReplays = ({ control, viewsKey }: DataStack, stateMachineArn: string): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:BatchGetItem'], control.tableArn),
  allow(['dynamodb:Query'], indexArn(control, indexes.byKind)),
  ...startMachines([stateMachineArn], viewsKey),
  useOf(viewsKey, 'dynamodb', toWrite),
];

/** Archiver, too: objects that no commit and no view claims; the bucket keeps what was removed for 35 days. */
export const sweepBodies = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:GetItem'], data.views.tableArn),
  allow(
    ['s3:DeleteObject'],
    ...['large-events/*', 'large-views/*'].map((objects) => data.objects.arnForObjects(objects)),
  ),
  useOf(data.viewsKey, 'dynamodb', toRead),
];

/** Archiver: pages of the log, which it marks for expiry, and their segments, which it writes and reads back. */
export const archiveLog = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query', 'dynamodb:UpdateItem'], data.log.tableArn),
  ...readObjects(data, 'log'),
  allow(['s3:PutObject'], data.objects.arnForObjects('log/*')),
  useOf(data.key, 's3', ['kms:GenerateDataKey']),
  useOf(data.key, 'dynamodb', toWrite),
];

/** Marks of streams are put and raised, by PartiQL; pages, which have other partition keys, are not. */
const updateMarks = ({ log }: DataStack): PolicyStatement =>
  new PolicyStatement({
    actions: ['dynamodb:PartiQLInsert', 'dynamodb:PartiQLUpdate'],
    resources: [log.tableArn],
    conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['*/marks/*'] } },
  });

/** Relay: pages of the log and marks, the commits that a delivery left out, and archived pages that have no marks yet. */
export const appendToLog = (data: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query'], data.events.tableArn),
  allow(['dynamodb:PutItem', 'dynamodb:Query'], data.log.tableArn),
  allow(['dynamodb:BatchGetItem'], data.log.tableArn),
  updateMarks(data),
  ...readObjects(data, 'large-events', 'log'),
  useOf(data.key, 'dynamodb', toWrite),
];

/** Relay: the marks of streams that cannot be published. */
export const parkStreams = ({ views, viewsKey }: DataStack): PolicyStatement[] => [
  allow(['dynamodb:GetItem', 'dynamodb:PutItem'], views.tableArn),
  allow(['dynamodb:Query'], indexArn(views, indexes.byParked)),
  useOf(viewsKey, 'dynamodb', toWrite),
];

/** Operate: views are brought up to date from history, as the projector does. */
export const operateOn = (data: DataStack): PolicyStatement[] => [
  ...projectEvents(data),
  allow(['dynamodb:Query'], indexArn(data.views, indexes.byParked)),
];

/** Operate: failed batches go through the functions that gave them up, and are gone once those have taken them. */
export function redriveBatches(
  { failures, projector, relay, streamArn }: { failures: IBucket; projector: string; relay: string; streamArn: string },
  key: IKey,
): PolicyStatement[] {
  return [
    allow(['s3:ListBucket'], failures.bucketArn),
    allow(['s3:GetObject', 's3:DeleteObject'], failures.arnForObjects('*')),
    useOf(key, 's3', ['kms:Decrypt']),
    allow(['lambda:InvokeFunction'], projector, relay),
    allow(['dynamodb:GetRecords', 'dynamodb:GetShardIterator'], streamArn),
  ];
}

/** Health: each table once, in the cheapest way. */
export const tryParts = ({ events, views, control, log, key, viewsKey }: DataStack): PolicyStatement[] => [
  allow(['dynamodb:Query'], events.tableArn),
  allow(['dynamodb:GetItem'], views.tableArn),
  allow(['dynamodb:GetItem'], control.tableArn),
  allow(['dynamodb:Query'], log.tableArn),
  useOf(key, 'dynamodb', toRead),
  useOf(viewsKey, 'dynamodb', toRead),
];

export const publishTo = (bus: IEventBus): PolicyStatement[] => [allow(['events:PutEvents'], bus.eventBusArn)];

/** What Lambda does in a function's name to feed it from a stream; all four are granted on the stream alone. */
export const readStream = (streamArn: string, key: IKey): PolicyStatement[] => [
  allow(
    ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
    streamArn,
  ),
  useOf(key, 'dynamodb', toRead),
];

/** What Lambda does in a function's name to keep a batch that failed. */
export const keepFailures = (bucket: IBucket, key: IKey): PolicyStatement[] => [
  allow(['s3:PutObject'], bucket.arnForObjects('*')),
  allow(['s3:ListBucket'], bucket.bucketArn),
  useOf(key, 's3', ['kms:GenerateDataKey']),
];

/** Keep, find and delete the tokens of outstanding answers. */
export const keepSagaTasks = (tasks: Table): PolicyStatement[] => [
  allow(['dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query'], tasks.tableArn),
];

/** Let state machines go on that wait for an answer. */
export const answerMachines = (arns: string[], key: IKey): PolicyStatement[] => [
  allow(['states:SendTaskSuccess', 'states:SendTaskFailure'], ...arns),
  useForMachines(key, arns),
];

export const startMachines = (arns: string[], key: IKey): PolicyStatement[] => [
  allow(['states:StartExecution'], ...arns),
  useForMachines(key, arns),
];
