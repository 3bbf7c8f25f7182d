import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Rule } from 'aws-cdk-lib/aws-events';
import { type AlarmPlace, addAlarm } from './alarms.ts';

/** Has somebody told when EventBridge could not start what a rule of the clock starts. */
export function alarmFailedStarts(rule: Rule, place: AlarmPlace, of: string): void {
  addAlarm(rule, 'FailedStarts', place, {
    ...{ name: 'FailedStarts', of, threshold: 1, periods: 1 },
    metric: new Metric({
      ...{ namespace: 'AWS/Events', metricName: 'FailedInvocations', dimensionsMap: { RuleName: rule.ruleName } },
      ...{ statistic: 'Sum', period: Duration.minutes(5) },
    }),
  });
}
