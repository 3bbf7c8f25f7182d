import { Duration, Fn } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { type AlarmPlace, addAlarm } from './alarms.ts';

/** Adds an alarm for a schedule whose function EventBridge could not start. @param subject a part of the alarm's name */
export function alarmFailedStarts(rule: Rule, place: AlarmPlace, subject: string): void {
  addAlarm(rule, 'FailedStarts', place, {
    ...{ name: 'FailedStarts', subject, threshold: 1, periods: 1 },
    metric: new Metric({
      ...{ namespace: 'AWS/Events', metricName: 'FailedInvocations', dimensionsMap: { RuleName: rule.ruleName } },
      ...{ statistic: 'Sum', period: Duration.minutes(5) },
    }),
  });
}

/**
 * Adds an alarm for events that EventBridge lost: it could neither deliver them nor put them into the queue of the rule's
 * target. Metrics of a custom bus have the name of the bus and the name of the rule, which is the last part of its ARN.
 * @param subject a part of the alarm's name
 */
export function alarmLostEvents(rule: Rule, bus: IEventBus, place: AlarmPlace, subject: string): void {
  const RuleName = Fn.select(2, Fn.split('/', rule.ruleArn)); // arn:<partition>:events:<region>:<account>:rule/<bus>/<rule>
  addAlarm(rule, 'Lost', place, {
    ...{ name: 'LostEvents', subject, threshold: 1, periods: 1 },
    metric: new Metric({
      ...{ namespace: 'AWS/Events', metricName: 'InvocationsFailedToBeSentToDlq' },
      dimensionsMap: { EventBusName: bus.eventBusName, RuleName },
      ...{ statistic: 'Sum', period: Duration.minutes(5) },
    }),
  });
}
