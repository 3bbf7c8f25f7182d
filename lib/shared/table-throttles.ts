import { Duration } from 'aws-cdk-lib';
import { type IMetric, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { type AlarmRule, sumOf } from './alarms.ts';

/**
 * When DynamoDB refuses requests to a table or one of its global indexes, which it counts each for itself. An alarm takes ten
 * metrics at most, so each table has one of its own.
 */
export function throttlesOf(of: string, table: ITable, globalIndexes: readonly string[] = []): AlarmRule {
  const places = [{}, ...globalIndexes.map((index) => ({ GlobalSecondaryIndexName: index }))];
  const metrics = places.flatMap((place) => [
    throttled(table, 'ReadThrottleEvents', place),
    throttled(table, 'WriteThrottleEvents', place),
  ]);
  return { name: 'TableThrottles', of, metric: sumOf(metrics, 'requests throttled'), threshold: 1, periods: 5, bad: 3 };
}

const throttled = ({ tableName }: ITable, metricName: string, place: Readonly<Record<string, string>>): IMetric =>
  new Metric({
    namespace: 'AWS/DynamoDB',
    metricName,
    dimensionsMap: { TableName: tableName, ...place },
    statistic: 'Sum',
    period: Duration.minutes(1),
  });
