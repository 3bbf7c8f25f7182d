import { Duration, Fn } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IEventBus, Rule } from 'aws-cdk-lib/aws-events';
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

/**
 * Has somebody told when EventBridge could neither deliver an event nor put it into the queue of the rule's target: it is lost then.
 * Metrics of a bus other than the default one have its name beside the rule's, which is the last part of the ARN: a reference
 * gives both in one.
 */
export function alarmLostEvents(rule: Rule, bus: IEventBus, place: AlarmPlace, of: string): void {
  const RuleName = Fn.select(2, Fn.split('/', rule.ruleArn)); // arn:<partition>:events:<region>:<account>:rule/<bus>/<rule>
  addAlarm(rule, 'Lost', place, {
    ...{ name: 'LostEvents', of, threshold: 1, periods: 1 },
    metric: new Metric({
      ...{ namespace: 'AWS/Events', metricName: 'InvocationsFailedToBeSentToDlq' },
      dimensionsMap: { EventBusName: bus.eventBusName, RuleName },
      ...{ statistic: 'Sum', period: Duration.minutes(5) },
    }),
  });
}
