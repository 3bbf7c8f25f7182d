import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { type DataStack, indexes } from '../data/data-stack.ts';
import { type AlarmRule, ownMetric, sumOf } from '../shared/alarms.ts';
import type { Config } from '../shared/config.ts';
import { throttlesOf } from '../shared/table-throttles.ts';

/** What a stage's alarms and dashboard look at. */
export interface Watched {
  readonly config: Config;
  readonly data: DataStack;
  readonly api: {
    readonly api: RestApi;
    readonly command: LambdaFunction;
    readonly query: LambdaFunction;
    readonly operate: LambdaFunction;
  };
  readonly delivery: { readonly projector: LambdaFunction; readonly relay: LambdaFunction };
  /** Events that the bus could not deliver. */
  readonly undelivered: Queue;
}

const MINUTE = Duration.minutes(1);
/** Of the account's limit of concurrent executions, which is 1,000 unless raised. */
const CONCURRENCY = 800;

/** From one try of the parts of a stage to the next, in the whole minutes that a rule of the clock knows. */
export const checkMinutes = ({ eventSystem }: Config): number =>
  Math.max(1, Math.round(eventSystem.monitoring.health_check_interval / MINUTE.toMilliseconds()));

/** The functions that read what is stored, and count what they cannot read. */
const READERS = ['command', 'query', 'operate', 'projector', 'relay', 'replay', 'archiver'];

/** Behind the API and behind the stream. */
export const functionsOf = ({ api, delivery }: Watched): LambdaFunction[] => [
  api.command,
  api.query,
  api.operate,
  delivery.projector,
  delivery.relay,
];

export const tablesOf = ({ data }: Watched): Table[] => [data.events, data.views, data.control, data.log];

/** What wakes somebody, besides what each function, queue, table and state machine brings with it. */
export function alarmRules(watched: Watched): AlarmRule[] {
  return [...ofTheApi(watched), ...ofDelivery(watched), ...ofTheStage(watched)];
}

function ofTheApi({ api, config }: Watched): AlarmRule[] {
  const minute = { period: MINUTE };
  const faults = new cloudwatch.MathExpression({
    // One failed request out of three at night is no reason to wake anybody.
    expression: 'IF(FILL(requests, 0) >= 20, 100 * FILL(faults, 0) / FILL(requests, 0), 0)',
    usingMetrics: {
      requests: api.api.metricCount({ ...minute, statistic: 'Sum' }),
      faults: api.api.metricServerError({ ...minute, statistic: 'Sum' }),
    },
    label: 'requests that failed by our fault, percent',
    period: MINUTE,
  });
  const slow = ownMetric(config, 'append_duration_seconds', 'command', 'p99');
  return [
    { name: 'ApiFaults', metric: faults, threshold: 1, periods: 5, bad: 3 },
    {
      name: 'CommandLatency',
      metric: api.command.metricDuration({ ...minute, statistic: 'p99' }),
      threshold: 2_000,
      periods: 5,
    },
    { name: 'AppendLatency', metric: slow, threshold: 0.5, periods: 5 },
  ];
}

function ofDelivery({ config, delivery: { projector, relay } }: Watched): AlarmRule[] {
  const behind = (consumer: LambdaFunction) =>
    consumer.metric('IteratorAge', { statistic: 'Maximum', period: MINUTE, unit: cloudwatch.Unit.MILLISECONDS });
  const parked = ['projector', 'relay'].map((name) => ownMetric(config, 'dead_letters_total', name, 'Sum'));
  const damaged = READERS.map((name) => ownMetric(config, 'corrupt_data_total', name, 'Sum'));
  const outcome = (name: string) => ownMetric(config, 'saga_outcomes_total', 'relay', 'Sum', { outcome: name });
  return [
    { name: 'ProjectorBehind', metric: behind(projector), threshold: 60_000, periods: 5 },
    { name: 'RelayBehind', metric: behind(relay), threshold: 60_000, periods: 5 },
    {
      name: 'ProjectionLag',
      metric: ownMetric(config, 'projection_lag_seconds', 'projector', 'p99'),
      threshold: 30,
      periods: 5,
    },
    { name: 'LogLag', metric: ownMetric(config, 'log_lag_seconds', 'relay', 'p99'), threshold: 30, periods: 5 },
    { name: 'DeadLetters', metric: sumOf(parked, 'events parked'), threshold: 1, periods: 1 },
    {
      name: 'SagaFailures',
      metric: sumOf([outcome('failed'), outcome('parked')], 'sagas failed or parked'),
      threshold: 1,
      periods: 1,
    },
    {
      name: 'ViewDifferences',
      metric: ownMetric(config, 'view_differences_total', 'verify', 'Sum'),
      threshold: 1,
      periods: 1,
    },
    { name: 'CorruptData', metric: sumOf(damaged, 'stored data that could not be read'), threshold: 1, periods: 1 },
    {
      name: 'VerificationSlow',
      metric: ownMetric(config, 'verification_age_seconds', 'verify', 'Maximum'),
      threshold: 24 * 3600,
      periods: 1,
    },
    { name: 'Tampering', metric: ownMetric(config, 'tampering_total', 'relay', 'Sum'), threshold: 1, periods: 1 },
  ];
}

function ofTheStage({ config, data }: Watched): AlarmRule[] {
  const concurrency = new cloudwatch.Metric({
    namespace: 'AWS/Lambda',
    metricName: 'ConcurrentExecutions',
    statistic: 'Maximum',
    period: MINUTE,
  });
  return [
    { name: 'Concurrency', metric: concurrency, threshold: CONCURRENCY, periods: 5, bad: 3 },
    throttlesOf('events', data.events),
    throttlesOf('views', data.views, [indexes.byGroup, indexes.byParked, indexes.byRank]),
    throttlesOf('control', data.control, [indexes.byKind]),
    throttlesOf('log', data.log),
    {
      name: 'Unhealthy',
      // Nothing is measured between two tries, and that must not look like silence.
      metric: ownMetric(config, 'health', 'health', 'Minimum').with({ period: Duration.minutes(checkMinutes(config)) }),
      threshold: 0.5,
      periods: 3,
      bad: 2,
      below: true,
      silenceIsBad: true,
    },
  ];
}
