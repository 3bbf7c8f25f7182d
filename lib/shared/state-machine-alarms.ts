import { Duration } from 'aws-cdk-lib';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { type AlarmPlace, type AlarmRule, addAlarm } from './alarms.ts';

/** Has somebody told of every execution that fails, or that reaches the longest time that Step Functions allows. */
export function alarmFailures(machine: StateMachine, place: AlarmPlace, { name, of }: Pick<AlarmRule, 'name' | 'of'>) {
  const any = { threshold: 1, periods: 1 };
  const minute = { statistic: 'Sum', period: Duration.minutes(1) };
  const named = (what: string) => (of === undefined ? what : `${of}-${what}`);
  addAlarm(machine, 'Failed', place, { name, of: named('failed'), metric: machine.metricFailed(minute), ...any });
  addAlarm(machine, 'TimedOut', place, {
    name,
    of: named('timed-out'),
    metric: machine.metricTimedOut(minute),
    ...any,
  });
}
