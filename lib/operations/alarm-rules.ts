import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { DataStack } from '../data/data-stack.ts';
import { type AlarmRule, ownMetric, sumOf } from '../shared/alarms.ts';
import type { Config } from '../shared/config.ts';

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

/** Behind the API and behind the stream. */
export const functionsOf = ({ api, delivery }: Watched): LambdaFunction[] => [
  api.command,
  api.query,
  api.operate,
  delivery.projector,
  delivery.relay,
];

export const tablesOf = ({ data }: Watched): Table[] => [data.events, data.views, data.control, data.log];

/** Everything that wakes somebody. */
export function alarmRules(watched: Watched): AlarmRule[] {
  return [...ofTheApi(watched), ...ofDelivery(watched), ...ofTheStage(watched)];
}

function ofTheApi({ api, config }: Watched): AlarmRule[] {
  const minute = { period: MINUTE };
  const faults = new cloudwatch.MathExpression({
    // One failed request out of three at night is no reason to wake anybody.
    expression: 'IF(requests >= 20, 100 * faults / requests, 0)',
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

function ofDelivery({ config, delivery: { projector, relay }, undelivered }: Watched): AlarmRule[] {
  const behind = (consumer: LambdaFunction) =>
    consumer.metric('IteratorAge', { statistic: 'Maximum', period: MINUTE, unit: cloudwatch.Unit.MILLISECONDS });
  const dropped = (consumer: LambdaFunction) =>
    consumer.metric('OnFailureDestinationDeliveredEventCount', { statistic: 'Sum', period: MINUTE });
  const parked = ['projector', 'relay'].map((name) => ownMetric(config, 'dead_letters_total', name, 'Sum'));
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
    { name: 'DeadLetters', metric: filled(parked, 'events parked'), threshold: 1, periods: 1 },
    {
      name: 'SagaFailures',
      metric: filled([outcome('failed'), outcome('parked')], 'sagas failed or parked'),
      threshold: 1,
      periods: 1,
    },
    { name: 'FailedBatches', metric: sumOf([projector, relay], dropped, 'batches given up'), threshold: 1, periods: 1 },
    {
      name: 'Undelivered',
      metric: undelivered.metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: MINUTE }),
      threshold: 1,
      periods: 1,
    },
    {
      name: 'ViewDifferences',
      metric: ownMetric(config, 'view_differences_total', 'verify', 'Sum'),
      threshold: 1,
      periods: 1,
    },
    { name: 'Tampering', metric: ownMetric(config, 'tampering_total', 'relay', 'Sum'), threshold: 1, periods: 1 },
  ];
}

function ofTheStage(watched: Watched): AlarmRule[] {
  const functions = functionsOf(watched);
  const minute = { period: MINUTE, statistic: 'Sum' };
  const concurrency = new cloudwatch.Metric({
    namespace: 'AWS/Lambda',
    metricName: 'ConcurrentExecutions',
    statistic: 'Maximum',
    period: MINUTE,
  });
  return [
    {
      name: 'FunctionErrors',
      metric: sumOf(functions, (one) => one.metricErrors(minute), 'errors'),
      threshold: 5,
      periods: 5,
      bad: 3,
    },
    {
      name: 'FunctionThrottles',
      metric: sumOf(functions, (one) => one.metricThrottles(minute), 'throttles'),
      threshold: 1,
      periods: 5,
      bad: 3,
    },
    { name: 'Concurrency', metric: concurrency, threshold: CONCURRENCY, periods: 5, bad: 3 },
    {
      name: 'TableThrottles',
      metric: filled(tablesOf(watched).flatMap(throttlesOf), 'requests throttled'),
      threshold: 1,
      periods: 5,
      bad: 3,
    },
    {
      name: 'Unhealthy',
      metric: ownMetric(watched.config, 'health', 'health', 'Minimum'),
      threshold: 0.5,
      periods: 3,
      bad: 2,
      below: true,
      silenceIsBad: true,
    },
  ];
}

function throttlesOf(table: Table): cloudwatch.IMetric[] {
  const of = { statistic: 'Sum', period: MINUTE };
  return [table.metric('ReadThrottleEvents', of), table.metric('WriteThrottleEvents', of)];
}

/** The sum of metrics of which each is silent as long as nothing happens. */
function filled(metrics: readonly cloudwatch.IMetric[], label: string): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]));
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join('+');
  return new cloudwatch.MathExpression({ expression, usingMetrics, label, period: MINUTE });
}
