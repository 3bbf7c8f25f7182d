import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IEventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { CfnBucket, IBucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { FunctionName } from '../../functions/environment.ts';
import type { DataStack } from '../data/data-stack.ts';
import {
  appendToLog,
  keepFailures,
  parkStreams,
  projectEvents,
  publishTo,
  readStream,
  verifyEventsAndViews,
} from '../data/permissions.ts';
import { acknowledge } from '../shared/acknowledge.ts';
import { type AlarmPlace, addAlarm } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';
import { Archiver } from './archiver.ts';
import { FailureBucket } from './failure-bucket.ts';

export interface DeliveryStackProps extends StackProps, AlarmPlace {
  readonly data: DataStack;
  readonly bus: IEventBus;
  readonly code: FunctionCode;
}

/**
 * The two consumers of the table's stream; it feeds no third. The projector keeps the views, the relay feeds the log
 * and the bus, and everyone else reads the one or listens to the other.
 * Beside them the archiver, which runs by the clock.
 */
export class DeliveryStack extends Stack {
  readonly projector: ServiceFunction<'projector'>;
  readonly relay: ServiceFunction<'relay'>;
  /** Batches that both gave up on. */
  readonly failures: FailureBucket;

  constructor(scope: Construct, id: string, props: DeliveryStackProps) {
    super(scope, id, props);
    const { config, alarmTopic, data, bus, code } = props;
    const common = { config, alarmTopic, code, timeout: Duration.seconds(60), memoryMegabytes: 512 };
    const failures = new FailureBucket(this, 'Failures', { config, encryptionKey: data.key });
    this.failures = failures;
    new CfnOutput(this, 'FailuresBucket', { value: failures.bucketName });
    const consumes = [...readStream(streamArnOf(data.events), data.key), ...keepFailures(failures, data.key)];

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
      permissions: [...projectEvents(data), ...consumes],
    });
    data.objects.acknowledgeUse(this.projector, 'snapshots', 'large-events', 'large-views');
    // A stream of events is worked on by one of the four at a time, so its views still change in order.
    consume(this.projector, props, { table: data.events, failures, batchSize: 100, parallelizationFactor: 4 });

    this.relay = new ServiceFunction(this, 'Relay', {
      ...common,
      memoryMegabytes: 1_769, // a whole processor: it is what the relay waits for (`npm run bench -- relay`)
      name: 'relay',
      description: 'Annals: takes events into the log and to the bus',
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
    const byTheClock = new Rule(this, 'VerifyByTheClock', {
      description: 'Annals: begins a verification when it is time, and goes on with the one under way',
      schedule: Schedule.rate(Duration.minutes(15)),
      targets: [new LambdaFunction(verify, { retryAttempts: 1 })],
    });
    alarmFailedStarts(byTheClock, props, 'verify');
    data.objects.acknowledgeUse(verify, 'snapshots', 'large-events', 'large-views', 'log', 'verifications');
    const { batch_size: batchSize, batch_timeout } = config.eventSystem.bus;
    // Lambda counts in whole seconds. A fuller batch makes fewer pages of the log.
    const maxBatchingWindow = Duration.seconds(Math.ceil(batch_timeout / 1_000));
    const source = { table: data.events, failures, batchSize, maxBatchingWindow, parallelizationFactor: 1 };
    consume(this.relay, props, source, tampering);
    new CfnOutput(this, 'ProjectorFunction', { value: this.projector.functionName });
    new CfnOutput(this, 'RelayFunction', { value: this.relay.functionName });
  }
}

export function streamArnOf({ tableStreamArn, node }: Table): string {
  if (tableStreamArn === undefined) throw new Error(`${node.path} has no stream`);
  return tableStreamArn;
}

interface Source {
  readonly table: Table;
  readonly failures: IBucket;
  readonly batchSize: number;
  readonly maxBatchingWindow?: Duration;
  readonly parallelizationFactor: number;
}

/** Nothing but retention ever changes or removes a commit, and what that removes bears DynamoDB's name: the rest is to be seen. */
const tampering = [
  { eventName: lambda.FilterRule.isEqual('MODIFY') },
  { eventName: lambda.FilterRule.isEqual('REMOVE'), userIdentity: { type: lambda.FilterRule.notExists() } },
];

function consume(
  consumer: ServiceFunction<FunctionName>,
  place: AlarmPlace,
  { table, failures, ...batching }: Source,
  besides: readonly object[] = [],
): void {
  const mapping = consumer.addEventSourceMapping('Stream', {
    eventSourceArn: streamArnOf(table),
    startingPosition: lambda.StartingPosition.TRIM_HORIZON,
    ...batching,
    filters: [{ eventName: lambda.FilterRule.isEqual('INSERT') }, ...besides].map(lambda.FilterCriteria.filter),
    // Counts batches that were given up, which alarms watch.
    metricsConfig: { metrics: [lambda.MetricType.EVENT_COUNT] },
    reportBatchItemFailures: true,
    // Finds the one record that crashes the function, should there be one.
    bisectBatchOnError: true,
    // No limit of retries: what comes again could not reach a service, which is no fault of any record. Bad ones are parked.
    // Half of the stream's 24 h: what waits longer is kept in the bucket, before the stream forgets it.
    maxRecordAge: Duration.hours(12),
    onFailure: { bind: () => ({ destination: failures.bucketArn }) },
    supportS3OnFailureDestination: true,
  });
  alarmGivenUp(consumer, mapping, place);
  acknowledge(
    consumer.role ?? consumer,
    `AwsSolutions-IAM5[Resource::<${Stack.of(failures).getLogicalId(failures.node.defaultChild as CfnBucket)}.Arn>/*]`,
    'Lambda names each failed batch by mapping, shard and time, so the keys cannot be listed beforehand. The statement allows s3:PutObject only, and the bucket holds nothing but failed batches.',
  );
}

/**
 * Batches that Lambda gave up: those that lie in the bucket, those that were dropped, and those that could not be put anywhere.
 * Lambda publishes the first two by mapping and the third by function.
 */
function alarmGivenUp(consumer: ServiceFunction<FunctionName>, mapping: lambda.EventSourceMapping, place: AlarmPlace) {
  const ofMapping = { EventSourceMappingUUID: mapping.eventSourceMappingId };
  const ofFunction = { FunctionName: consumer.functionName };
  const watch = (name: string, metricName: string, dimensionsMap: Record<string, string>) =>
    addAlarm(consumer, metricName, place, {
      ...{ name, of: consumer.name, threshold: 1, periods: 1 },
      metric: new Metric({
        ...{ namespace: 'AWS/Lambda', metricName, dimensionsMap },
        ...{ statistic: 'Sum', period: Duration.minutes(1) },
      }),
    });
  watch('FailedBatches', 'OnFailureDestinationDeliveredEventCount', ofMapping);
  watch('DroppedBatches', 'DroppedEventCount', ofMapping);
  watch('LostBatches', 'DestinationDeliveryFailures', ofFunction);
}
