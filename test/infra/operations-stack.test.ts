import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { metricCatalogue } from '../../core/telemetry/metrics.ts';
import { synthesize } from './synthesis.ts';

const { operations, delivery } = synthesize('dev');
const alarms = Object.values(operations.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
/** The metrics that an alarm looks at, whether by itself or in an expression. */
// biome-ignore lint/suspicious/noExplicitAny: a template's properties
function metricsOf(alarm: any): { namespace: string; name: string }[] {
  if (alarm.MetricName) return [{ namespace: alarm.Namespace, name: alarm.MetricName }];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return alarm.Metrics.flatMap(({ MetricStat: of }: any) =>
    of ? [{ namespace: of.Metric.Namespace, name: of.Metric.MetricName }] : [],
  );
}

describe('an alarm', () => {
  it('reads metrics that a function writes', () => {
    const own = alarms.flatMap(metricsOf).filter(({ namespace }) => namespace === 'annals-dev');
    expect(own.length).toBeGreaterThan(5);
    for (const { name } of own) expect(Object.keys(metricCatalogue)).toContain(name);
  });

  it('of health goes off, too, when nobody tries the parts any more', () => {
    expect(alarms.find(({ AlarmName }) => AlarmName === 'annals-dev-Unhealthy')).toMatchObject({
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
      Statistic: 'Minimum',
    });
  });
});

describe('tampering', () => {
  it('reaches the relay, and a change by retention reaches no function', () => {
    const filters = Object.values(delivery.findResources('AWS::Lambda::EventSourceMapping')).map(({ Properties }) =>
      // biome-ignore lint/suspicious/noExplicitAny: a template's properties
      Properties.FilterCriteria.Filters.map(({ Pattern }: any) => JSON.parse(Pattern)),
    );
    const inserts = { eventName: ['INSERT'] };
    expect(filters).toContainEqual([inserts]);
    expect(filters).toContainEqual([
      inserts,
      { eventName: ['MODIFY'] },
      { eventName: ['REMOVE'], userIdentity: { type: [{ exists: false }] } },
    ]);
  });
});

describe('the parts of a stage', () => {
  it('are tried every 30 seconds: a rule each minute, and the same tick held back by half of one', () => {
    const [[queue] = []] = Object.entries(
      operations.findResources('AWS::SQS::Queue', { Properties: { DelaySeconds: 30 } }),
    );
    operations.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 minute)',
      Targets: [
        Match.objectLike({ Arn: Match.anyValue() }),
        Match.objectLike({ Arn: { 'Fn::GetAtt': [queue, 'Arn'] } }),
      ],
    });
    operations.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: { 'Fn::GetAtt': [queue, 'Arn'] },
    });
  });

  it.each([
    ['15s', 'rate(1 minute)', [15, 30, 45], 60],
    ['17.5s', 'rate(1 minute)', [18, 35, 53], 60],
    ['1m', 'rate(1 minute)', [], 60],
    ['5m', 'rate(5 minutes)', [], 300],
    ['10m', 'rate(10 minutes)', [], 600],
  ] as const)('or every %s, and the alarm waits as long', (health_check_interval, rate, delays, Period) => {
    const template = synthesize('dev', { event_system: { monitoring: { health_check_interval } } }).operations;
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: rate });
    const queues = Object.values(template.findResources('AWS::SQS::Queue'));
    expect(queues.map(({ Properties }) => Properties.DelaySeconds)).toEqual(delays);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: 'annals-dev-Unhealthy', Period });
  });
});

it('one dashboard shows appends, delivery, capacity and what a million events cost', () => {
  const [dashboard] = Object.values(operations.findResources('AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(dashboard?.Properties.DashboardBody);
  for (const shown of [
    'appends_total',
    'IteratorAge',
    'log_lag_seconds',
    'dead_letters_total',
    'saga_outcomes_total',
    'Throttles',
    'ConcurrentExecutions',
    'ConsumedWriteCapacityUnits',
    'per million events',
  ]) {
    expect(body).toContain(shown);
  }
});
