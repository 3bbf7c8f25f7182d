import { CfnOutput } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Config } from '../shared/config.ts';
import { letLogsUse } from '../shared/encrypted-logs.ts';
import { tableSettings, unitLimits } from '../shared/table-settings.ts';
import { ObjectsBucket } from './objects-bucket.ts';

/** Keys and indexes of the tables. A test compares them with those of the DynamoDB adapters. */
const tableKeys = {
  events: { partition: 'stream', sort: 'version', ttl: 'expiresAt', byCommitId: 'idempotencyKey' },
  views: { partition: 'view', group: 'listing', parked: 'parkedIn', board: 'board', score: 'score', key: 'key' },
  control: { partition: 'item', kind: 'kind', id: 'id' },
  log: { partition: 'partition', sort: 'page', ttl: 'expiresAt' },
} as const;
/** Names of the indexes. */
export const indexes = {
  byCommitId: 'byCommitId',
  byGroup: 'byGroup',
  byParked: 'byParked',
  byRank: 'byRank',
  byKind: 'byKind',
} as const;

/** The settings of {@link Data}. */
export interface DataProps {
  readonly config: Config;
  /** The key in place of both keys that are made by default. */
  readonly key?: IKey;
  /** The start of the names of the log groups that the key of the views encrypts. */
  readonly logGroups: string;
}

/** All data that must outlive deployments: events, views, the log, large objects, and control items. */
export class Data extends Construct {
  /** Encrypts all that holds events: tables, objects, failed batches. */
  readonly key: IKey;
  /** Encrypts all that is derived from events: views, control items, log groups, state machines. */
  readonly viewsKey: IKey;
  readonly events: dynamodb.Table;
  readonly views: dynamodb.Table;
  readonly objects: ObjectsBucket;
  readonly control: dynamodb.Table;
  /** The log: all events in an order, in pages. */
  readonly log: dynamodb.Table;

  constructor(scope: Construct, id: string, { config, key, logGroups }: DataProps) {
    super(scope, id);
    const made = { enableKeyRotation: true, removalPolicy: config.removalPolicy };
    this.key = key ?? new Key(this, 'Key', { description: 'Annals: events', ...made });
    this.viewsKey = key ?? new Key(this, 'ViewsKey', { description: 'Annals: views', ...made });
    letLogsUse(this.viewsKey, config, logGroups);
    this.events = eventsTable(this, config, this.key);
    this.views = viewsTable(this, config, this.viewsKey);
    this.objects = new ObjectsBucket(this, 'Objects', { config, encryptionKey: this.key });
    this.log = logTable(this, config, this.key);
    this.control = controlTable(this, config, this.viewsKey);
    new CfnOutput(this, 'EventsTable', { value: this.events.tableName });
    new CfnOutput(this, 'LogTable', { value: this.log.tableName });
    new CfnOutput(this, 'ViewsTable', { value: this.views.tableName });
    new CfnOutput(this, 'ObjectsBucket', { value: this.objects.bucketName });
  }

  /** The tables by name. */
  get tables() {
    const { events, views, control, log } = this;
    return { events, views, control, log };
  }

  /** The environment of a function that reads or writes all tables. */
  get tableNames() {
    return {
      EVENTS_TABLE: this.events.tableName,
      VIEWS_TABLE: this.views.tableName,
      CONTROL_TABLE: this.control.tableName,
      LOG_TABLE: this.log.tableName,
    };
  }
}

function eventsTable(scope: Construct, config: Config, key: IKey): dynamodb.Table {
  const { partition, sort, ttl, byCommitId } = tableKeys.events;
  const table = new dynamodb.Table(scope, 'Events', {
    partitionKey: { name: partition, type: dynamodb.AttributeType.STRING },
    sortKey: { name: sort, type: dynamodb.AttributeType.NUMBER },
    stream: dynamodb.StreamViewType.NEW_IMAGE,
    timeToLiveAttribute: ttl,
    ...tableSettings(config, key),
  });
  table.addLocalSecondaryIndex({
    indexName: indexes.byCommitId,
    sortKey: { name: byCommitId, type: dynamodb.AttributeType.STRING },
    projectionType: dynamodb.ProjectionType.KEYS_ONLY,
  });
  return table;
}

function viewsTable(scope: Construct, config: Config, key: IKey): dynamodb.Table {
  const { partition, group, parked, board, score, key: sort } = tableKeys.views;
  const table = new dynamodb.Table(scope, 'Views', {
    partitionKey: { name: partition, type: dynamodb.AttributeType.STRING },
    ...tableSettings(config, key),
  });
  const sortKey = { name: sort, type: dynamodb.AttributeType.STRING };
  addIndex(table, config, { name: indexes.byGroup, partition: group, sortKey });
  addIndex(table, config, { name: indexes.byParked, partition: parked, sortKey, attributes: ['version', 'parked'] });
  const byScore = { name: score, type: dynamodb.AttributeType.NUMBER };
  addIndex(table, config, { name: indexes.byRank, partition: board, sortKey: byScore, attributes: ['key'] });
  return table;
}

function controlTable(scope: Construct, config: Config, key: IKey): dynamodb.Table {
  const { partition, kind, id } = tableKeys.control;
  const table = new dynamodb.Table(scope, 'Control', {
    partitionKey: { name: partition, type: dynamodb.AttributeType.STRING },
    ...tableSettings(config, key),
  });
  const sortKey = { name: id, type: dynamodb.AttributeType.STRING };
  addIndex(table, config, { name: indexes.byKind, partition: kind, sortKey });
  return table;
}

interface Index {
  readonly name: string;
  readonly partition: string;
  readonly sortKey: dynamodb.Attribute;
  /** What it has of an item besides the keys. */
  readonly attributes?: string[];
}

function addIndex(table: dynamodb.Table, config: Config, { name, partition, sortKey, attributes }: Index): void {
  table.addGlobalSecondaryIndex({
    ...unitLimits(config),
    indexName: name,
    partitionKey: { name: partition, type: dynamodb.AttributeType.STRING },
    sortKey,
    ...(attributes
      ? { projectionType: dynamodb.ProjectionType.INCLUDE, nonKeyAttributes: attributes }
      : { projectionType: dynamodb.ProjectionType.KEYS_ONLY }),
  });
}

function logTable(scope: Construct, config: Config, key: IKey): dynamodb.Table {
  const { partition, sort, ttl } = tableKeys.log;
  return new dynamodb.Table(scope, 'Log', {
    partitionKey: { name: partition, type: dynamodb.AttributeType.STRING },
    sortKey: { name: sort, type: dynamodb.AttributeType.NUMBER },
    timeToLiveAttribute: ttl,
    ...tableSettings(config, key),
  });
}
