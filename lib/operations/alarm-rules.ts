import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { type Data, indexes } from '../data/data.ts';
import { type AlarmRule, annalsMetric, metricSum } from '../shared/alarms.ts';
import type { Config } from '../shared/config.ts';
import { throttleRule } from '../shared/table-throttles.ts';

/** The parts of a stage that its alarms and dashboard watch. */
export interface Watched {
  readonly config: Config;
  readonly data: Data;
  readonly api: {
    readonly api: RestApi;
    readonly command: LambdaFunction;
    readonly query: LambdaFunction;
    readonly operate: LambdaFunction;
    readonly mcp: LambdaFunction;
    readonly work: LambdaFunction;
  };
  readonly delivery: { readonly projector: LambdaFunction; readonly relay: LambdaFunction };
  /** Events that the bus could not deliver. A bus that is brought along has no such queue. */
  readonly undelivered?: Queue;
}

const MINUTE = Duration.minutes(1);
/** The part of the account's concurrent executions that raises the alarm. */
const MOST = 0.8;

/** Whole minutes between two health checks: EventBridge's schedules take no smaller unit. */
export const checkMinutes = ({ eventSystem }: Config): number =>
  Math.max(1, Math.round(eventSystem.monitoring.health_check_interval / MINUTE.toMilliseconds()));

/** The functions that read stored data, and count data that they cannot read. */
const READERS = ['command', 'query', 'operate', 'mcp', 'work', 'projector', 'relay', 'replay', 'archiver'];

/** The functions behind the API and behind the stream. */
export const watchedFunctions = ({ api, delivery }: Watched): LambdaFunction[] => [
  api.command,
  api.query,
  api.operate,
  api.mcp,
  api.work,
  delivery.projector,
  delivery.relay,
];

/** The tables of the data stack. */
export const watchedTables = ({ data }: Watched): Table[] => [data.events, data.views, data.control, data.log];

/** The alarms of a stage, besides those that each function, queue and state machine adds itself. */
export function alarmRules(watched: Watched): AlarmRule[] {
  return [...apiRules(watched), ...deliveryRules(watched), ...stageRules(watched)];
}

function apiRules({ api, config }: Watched): AlarmRule[] {
  const minute = { period: MINUTE };
  const faults = new cloudwatch.MathExpression({
    // With few requests, as at night, a single failure is no reason for an alarm.
    expression: 'IF(FILL(requests, 0) >= 20, 100 * FILL(faults, 0) / FILL(requests, 0), 0)',
    usingMetrics: {
      requests: api.api.metricCount({ ...minute, statistic: 'Sum' }),
      faults: api.api.metricServerError({ ...minute, statistic: 'Sum' }),
    },
    label: 'requests answered with 5xx, percent',
    period: MINUTE,
  });
  const slow = annalsMetric(config, 'append_duration_seconds', 'command', 'p99');
  return [
    { name: 'ApiFaults', metric: faults, threshold: 1, periods: 5, badPeriods: 3 },
    {
      name: 'CommandLatency',
      metric: api.command.metricDuration({ ...minute, statistic: 'p99' }),
      threshold: 2_000,
      periods: 5,
    },
    { name: 'AppendLatency', metric: slow, threshold: 0.5, periods: 5 },
  ];
}

function deliveryRules({ config, delivery: { projector, relay } }: Watched): AlarmRule[] {
  const behind = (consumer: LambdaFunction) =>
    consumer.metric('IteratorAge', { statistic: 'Maximum', period: MINUTE, unit: cloudwatch.Unit.MILLISECONDS });
  const parked = ['projector', 'relay'].map((name) => annalsMetric(config, 'dead_letters_total', name, 'Sum'));
  const damaged = READERS.map((name) => annalsMetric(config, 'corrupt_data_total', name, 'Sum'));
  const outcome = (name: string) => annalsMetric(config, 'saga_outcomes_total', 'relay', 'Sum', { outcome: name });
  return [
    { name: 'ProjectorBehind', metric: behind(projector), threshold: 60_000, periods: 5 },
    { name: 'RelayBehind', metric: behind(relay), threshold: 60_000, periods: 5 },
    {
      name: 'ProjectionLag',
      metric: annalsMetric(config, 'projection_lag_seconds', 'projector', 'p99'),
      threshold: 30,
      periods: 5,
    },
    { name: 'LogLag', metric: annalsMetric(config, 'log_lag_seconds', 'relay', 'p99'), threshold: 30, periods: 5 },
    { name: 'DeadLetters', metric: metricSum(parked, 'events parked'), threshold: 1, periods: 1 },
    {
      name: 'SagaFailures',
      metric: metricSum([outcome('failed'), outcome('parked')], 'sagas failed or parked'),
      threshold: 1,
      periods: 1,
    },
    {
      name: 'ViewDifferences',
      metric: annalsMetric(config, 'view_differences_total', 'verify', 'Sum'),
      threshold: 1,
      periods: 1,
    },
    { name: 'CorruptData', metric: metricSum(damaged, 'stored data that could not be read'), threshold: 1, periods: 1 },
    {
      name: 'VerificationSlow',
      metric: annalsMetric(config, 'verification_age_seconds', 'verify', 'Maximum'),
      threshold: 24 * 3600,
      periods: 1,
    },
    { name: 'Tampering', metric: annalsMetric(config, 'tampering_total', 'relay', 'Sum'), threshold: 1, periods: 1 },
  ];
}

function stageRules({ config, data }: Watched): AlarmRule[] {
  const concurrency = new cloudwatch.Metric({
    namespace: 'AWS/Lambda',
    metricName: 'ConcurrentExecutions',
    statistic: 'Maximum',
    period: MINUTE,
  });
  return [
    {
      name: 'Concurrency',
      metric: concurrency,
      threshold: MOST * config.accountConcurrency,
      periods: 5,
      badPeriods: 3,
    },
    throttleRule('events', data.events),
    throttleRule('views', data.views, [indexes.byGroup, indexes.byParked, indexes.byRank]),
    throttleRule('control', data.control, [indexes.byKind]),
    throttleRule('log', data.log),
    {
      name: 'Unhealthy',
      // The period spans two checks, so that the time between them does not look like silence.
      metric: annalsMetric(config, 'health', 'health', 'Minimum').with({
        period: Duration.minutes(checkMinutes(config)),
      }),
      threshold: 0.5,
      periods: 3,
      badPeriods: 2,
      below: true,
      silenceIsBad: true,
    },
  ];
}
