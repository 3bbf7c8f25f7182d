import { Duration } from 'aws-cdk-lib';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { type AlarmPlace, type AlarmRule, addAlarm } from './alarms.ts';

/** Adds alarms for executions that fail, and for those that reach the longest time that Step Functions allows. */
export function alarmFailures(
  machine: StateMachine,
  place: AlarmPlace,
  { name, subject }: Pick<AlarmRule, 'name' | 'subject'>,
) {
  const any = { threshold: 1, periods: 1 };
  const minute = { statistic: 'Sum', period: Duration.minutes(1) };
  const named = (outcome: string) => (subject === undefined ? outcome : `${subject}-${outcome}`);
  addAlarm(machine, 'Failed', place, { name, subject: named('failed'), metric: machine.metricFailed(minute), ...any });
  addAlarm(machine, 'TimedOut', place, {
    name,
    subject: named('timed-out'),
    metric: machine.metricTimedOut(minute),
    ...any,
  });
}
