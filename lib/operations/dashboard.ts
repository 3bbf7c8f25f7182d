import { Aws, Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { annalsMetric, filledSum } from '../shared/alarms.ts';
import { nameOf } from '../shared/config.ts';
import { type Watched, watchedFunctions, watchedTables } from './alarm-rules.ts';
import { prices } from './prices.ts';

const WIDTH = 8;
const MINUTE = Duration.minutes(1);

/** Adds a page with the state of a stage: requests, delivery, capacity and costs. */
export function addDashboard(scope: Construct, watched: Watched): cloudwatch.Dashboard {
  const { config } = watched;
  return new cloudwatch.Dashboard(scope, 'Dashboard', {
    // The names of dashboards are shared by all regions of an account.
    dashboardName: `${nameOf(config)}-${Aws.REGION}`,
    defaultInterval: Duration.hours(3),
    widgets: [requests(watched), delivery(watched), capacity(watched)],
  });
}

const graph = (title: string, left: readonly cloudwatch.IMetric[]) =>
  new cloudwatch.GraphWidget({ title, left: [...left], width: WIDTH, height: 6 });

function requests({ config, api }: Watched): cloudwatch.IWidget[] {
  const appends = (outcome: string) => annalsMetric(config, 'appends_total', 'command', 'Sum', { outcome });
  const sum = { statistic: 'Sum', period: MINUTE };
  const p99 = { statistic: 'p99', period: MINUTE };
  return [
    graph('Appends a minute, by outcome', ['written', 'repeated', 'conflict', 'failed'].map(appends)),
    graph('Requests, refusals, faults', [
      api.api.metricCount(sum),
      api.api.metricClientError(sum),
      api.api.metricServerError(sum),
    ]),
    graph('p99: command, query, append', [
      api.command.metricDuration(p99),
      api.query.metricDuration(p99),
      annalsMetric(config, 'append_duration_seconds', 'command', 'p99'),
    ]),
  ];
}

function delivery({ config, delivery: { projector, relay }, undelivered }: Watched): cloudwatch.IWidget[] {
  const age = (consumer: typeof projector) => consumer.metric('IteratorAge', { statistic: 'Maximum', period: MINUTE });
  return [
    graph('Age of the stream’s iterators, ms', [age(projector), age(relay)]),
    graph('Lag of views and log, seconds', [
      annalsMetric(config, 'projection_lag_seconds', 'projector', 'p99'),
      annalsMetric(config, 'log_lag_seconds', 'relay', 'p99'),
    ]),
    graph('Dead letters, undelivered events, tampering', [
      annalsMetric(config, 'dead_letters_total', 'projector', 'Sum'),
      annalsMetric(config, 'dead_letters_total', 'relay', 'Sum'),
      ...(undelivered ? [undelivered.metricApproximateNumberOfMessagesVisible()] : []),
      annalsMetric(config, 'tampering_total', 'relay', 'Sum'),
    ]),
    graph('Sagas, by outcome', [
      ...['completed', 'failed', 'parked'].map((outcome) =>
        annalsMetric(config, 'saga_outcomes_total', 'relay', 'Sum', { outcome }),
      ),
    ]),
  ];
}

function capacity(watched: Watched): cloudwatch.IWidget[] {
  const sum = { statistic: 'Sum', period: MINUTE };
  const functions = watchedFunctions(watched);
  return [
    graph('Units consumed a minute', [
      ...watchedTables(watched).flatMap((table) => [
        table.metricConsumedWriteCapacityUnits(sum),
        table.metricConsumedReadCapacityUnits(sum),
      ]),
    ]),
    graph('Concurrency and throttles', [
      ...functions.map((handler) => handler.metric('ConcurrentExecutions', { statistic: 'Maximum', period: MINUTE })),
      ...functions.map((handler) => handler.metricThrottles(sum)),
    ]),
    graph('Health of the worst part', [annalsMetric(watched.config, 'health', 'health', 'Minimum')]),
    new cloudwatch.SingleValueWidget({
      title: `DynamoDB, US dollars per million events (${prices.asOf})`,
      metrics: [costPerMillionEvents(watched)],
      width: WIDTH,
      height: 6,
    }),
  ];
}

function costPerMillionEvents(watched: Watched): cloudwatch.MathExpression {
  const hour = { statistic: 'Sum', period: Duration.hours(1) };
  const tables = watchedTables(watched);
  const writes = tables.map((table, index) => [`w${index}`, table.metricConsumedWriteCapacityUnits(hour)] as const);
  const reads = tables.map((table, index) => [`r${index}`, table.metricConsumedReadCapacityUnits(hour)] as const);
  const total = (metrics: readonly (readonly [string, unknown])[]) => filledSum(Object.fromEntries(metrics));
  const { writeUnit, readUnit } = prices.dynamoDb;
  return new cloudwatch.MathExpression({
    expression: `1000000 * ((${total(writes)}) * ${writeUnit.toFixed(9)} + (${total(reads)}) * ${readUnit.toFixed(9)}) / events`,
    usingMetrics: {
      ...Object.fromEntries([...writes, ...reads]),
      events: annalsMetric(watched.config, 'events_total', 'relay', 'Sum').with(hour),
    },
    label: 'US dollars',
    period: Duration.hours(1),
  });
}
