import { Duration } from 'aws-cdk-lib';
import { type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type AlarmRule, metricSum } from './alarms.ts';

/**
 * The alarm for throttled requests to a table and its global indexes, which DynamoDB counts separately. An alarm takes at
 * most ten metrics, so each table has an alarm.
 */
export function throttleRule(subject: string, table: ITable, globalIndexes: readonly string[] = []): AlarmRule {
  const places = [{}, ...globalIndexes.map((index) => ({ GlobalSecondaryIndexName: index }))];
  const metrics = places.flatMap((place) => [
    throttled(table, 'ReadThrottleEvents', place),
    throttled(table, 'WriteThrottleEvents', place),
  ]);
  return {
    name: 'TableThrottles',
    subject,
    metric: metricSum(metrics, 'requests throttled'),
    threshold: 1,
    periods: 5,
    badPeriods: 3,
  };
}

const throttled = ({ tableName }: ITable, metricName: string, place: Readonly<Record<string, string>>): IMetric =>
  new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName: tableName, ...place },
    statistic: 'Sum',
    period: Duration.minutes(1),
  });
