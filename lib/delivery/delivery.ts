import { CfnOutput, Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IEventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { FunctionName } from '../../functions/environment.ts';
import type { Data } from '../data/data.ts';
import {
  appendToLog,
  keepBudgets,
  keepFailures,
  parkStreams,
  projectEvents,
  publishTo,
  readStream,
  verifyEventsAndViews,
} from '../data/permissions.ts';
import { acknowledge, arnInFinding } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { Archiver } from './archiver.ts';
import { FailureBucket } from './failure-bucket.ts';

/** The data, bus and code that {@link Delivery} needs. */
export interface DeliveryProps extends AlarmPlace {
  readonly data: Data;
  readonly bus: IEventBus;
  readonly code: FunctionCode;
}

/**
 * The two consumers of the events table's stream, which can feed no third. The projector updates the views. The relay feeds
 * the log and the bus, from which all other consumers read. Archiver and verification run on a schedule.
 */
export class Delivery extends Construct {
  readonly projector: ServiceFunction<'projector'>;
  readonly relay: ServiceFunction<'relay'>;
  /** The batches that Lambda gave up, of both consumers. */
  readonly failures: FailureBucket;

  constructor(scope: Construct, id: string, props: DeliveryProps) {
    super(scope, id);
    const { config, alarmTopic, data, bus, code } = props;
    const common = { config, alarmTopic, code, timeout: Duration.seconds(60), memoryMegabytes: 512 };
    const failures = new FailureBucket(this, 'Failures', { config, encryptionKey: data.key });
    this.failures = failures;
    new CfnOutput(this, 'FailuresBucket', { value: failures.bucketName });
    const consumes = [...readStream(tableStreamArn(data.events), data.key), ...keepFailures(failures, data.key)];

    this.projector = new ServiceFunction(this, 'Projector', {
      ...common,
      name: 'projector',
      description: 'Annals: brings views up to date',
      environment: {
        EVENTS_TABLE: data.events.tableName,
        VIEWS_TABLE: data.views.tableName,
        CONTROL_TABLE: data.control.tableName,
        OBJECTS_BUCKET: data.objects.bucketName,
      },
      permissions: [...projectEvents(data), ...keepBudgets(data), ...consumes],
    });
    data.objects.acknowledgeUse(this.projector, 'snapshots', 'large-events', 'large-views');
    // A stream of events goes to a single of the four invocations at a time, so its views change in order.
    consume(this.projector, props, { table: data.events, failures, batchSize: 100, parallelizationFactor: 4 });

    this.relay = new ServiceFunction(this, 'Relay', {
      ...common,
      memoryMegabytes: 1_769, // a whole processor, which bounds the relay (`npm run bench -- relay`)
      name: 'relay',
      description: 'Annals: appends events to the log and publishes them on the bus',
      environment: {
        EVENTS_TABLE: data.events.tableName,
        LOG_TABLE: data.log.tableName,
        VIEWS_TABLE: data.views.tableName,
        EVENT_BUS: bus.eventBusName,
        OBJECTS_BUCKET: data.objects.bucketName,
      },
      permissions: [...appendToLog(data), ...publishTo(bus), ...parkStreams(data), ...consumes],
    });
    data.objects.acknowledgeUse(this.relay, 'large-events', 'log');
    new Archiver(this, 'Archiver', { config, alarmTopic, data, code });

    const verify = new ServiceFunction(this, 'Verify', {
      ...common,
      name: 'verify',
      description: 'Annals: compares views with what history makes of them',
      environment: {
        ...data.tableNames,
        OBJECTS_BUCKET: data.objects.bucketName,
        VERIFY_EVERY_HOURS: String(config.verifyEveryHours),
      },
      permissions: verifyEventsAndViews(data),
      timeout: Duration.minutes(15),
      isRare: true,
    });
    const verifySchedule = new Rule(this, 'VerifyByTheClock', {
      description: 'Annals: begins a verification when it is due, or goes on with the current verification',
      schedule: Schedule.rate(Duration.minutes(15)),
      targets: [new LambdaFunction(verify, { retryAttempts: 1 })],
    });
    alarmFailedStarts(verifySchedule, props, 'verify');
    data.objects.acknowledgeUse(verify, 'snapshots', 'large-events', 'large-views', 'log', 'verifications');
    const { batch_size: batchSize, batch_timeout } = config.eventSystem.bus;
    // Lambda takes whole seconds. Larger batches make fewer pages of the log.
    const maxBatchingWindow = Duration.seconds(Math.ceil(batch_timeout / 1_000));
    const source = { table: data.events, failures, batchSize, maxBatchingWindow, parallelizationFactor: 1 };
    consume(this.relay, props, source, tampering);
    new CfnOutput(this, 'ProjectorFunction', { value: this.projector.functionName });
    new CfnOutput(this, 'RelayFunction', { value: this.relay.functionName });
  }
}

/** The ARN of a table's stream. @throws Error when the table has no stream */
export function tableStreamArn(table: Table): string {
  if (table.tableStreamArn === undefined) throw new Error(`${table.node.path} has no stream`);
  return table.tableStreamArn;
}

interface Source {
  readonly table: Table;
  readonly failures: FailureBucket;
  readonly batchSize: number;
  readonly maxBatchingWindow?: Duration;
  readonly parallelizationFactor: number;
}

/** Only tampering changes or removes a commit. DynamoDB's removals of expired items, which have a user identity, are left out. */
const tampering = [
  { eventName: lambda.FilterRule.isEqual('MODIFY') },
  { eventName: lambda.FilterRule.isEqual('REMOVE'), userIdentity: { type: lambda.FilterRule.notExists() } },
];

function consume(
  consumer: ServiceFunction<FunctionName>,
  place: AlarmPlace,
  { table, failures, ...batching }: Source,
  furtherFilters: readonly object[] = [],
): void {
  const mapping = consumer.addEventSourceMapping('Stream', {
    eventSourceArn: tableStreamArn(table),
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    ...batching,
    filters: [{ eventName: lambda.FilterRule.isEqual('INSERT') }, ...furtherFilters].map(lambda.FilterCriteria.filter),
    // Publishes the numbers of given up batches, which alarms watch.
    metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
    reportBatchItemFailures: true,
    // Isolates a record that crashes the function.
    bisectBatchOnError: true,
    // No limit of retries: a batch comes again only after an outage, because bad records are parked. After 12 h, before the
    // stream drops records at 24 h, Lambda puts the batch into the bucket.
    maxRecordAge: Duration.hours(12),
    onFailure: { bind: () => ({ destination: failures.bucketArn }) },
    supportS3OnFailureDestination: true,
  });
  alarmGivenUp(consumer, mapping, place);
  acknowledge(
    consumer.role ?? consumer,
    `AwsSolutions-IAM5[Resource::${arnInFinding(failures, consumer)}/*]`,
    'Lambda names each failed batch by mapping, shard and time, so the keys cannot be listed beforehand. The statement allows s3:PutObject only, and the bucket holds nothing but failed batches.',
  );
}

/**
 * Alarms for batches that Lambda gave up: put into the bucket, dropped, or lost because the bucket could not be written.
 * Lambda publishes the first two by mapping and the third by function.
 */
function alarmGivenUp(consumer: ServiceFunction<FunctionName>, mapping: lambda.EventSourceMapping, place: AlarmPlace) {
  const byMapping = { EventSourceMappingUUID: mapping.eventSourceMappingId };
  const byFunction = { FunctionName: consumer.functionName };
  const watch = (name: string, metricName: string, dimensionsMap: Record<string, string>) =>
    addAlarm(consumer, metricName, place, {
      ...{ name, subject: consumer.name, threshold: 1, periods: 1 },
      metric: new Metric({
        ...{ namespace: 'AWS/Lambda', metricName, dimensionsMap },
        ...{ statistic: 'Sum', period: Duration.minutes(1) },
      }),
    });
  watch('FailedBatches', 'OnFailureDestinationDeliveredEventCount', byMapping);
  watch('DroppedBatches', 'DroppedEventCount', byMapping);
  watch('LostBatches', 'DestinationDeliveryFailures', byFunction);
}
