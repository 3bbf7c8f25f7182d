import { Duration } from 'aws-cdk-lib';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { AlarmPlace } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';

/**
 * Ends leases that are over each minute. Agents that look for work end those that they meet earlier. A timer for each
 * lease would cost a call for each claim, and come within a minute too.
 */
export function endLeasesByTheClock(scope: Construct, work: IFunction, place: AlarmPlace): void {
  const rule = new Rule(scope, 'LeasesByTheClock', {
    description: 'Annals: ends the leases of agents that are over',
    schedule: Schedule.rate(Duration.minutes(1)),
    targets: [new LambdaFunction(work, { event: RuleTargetInput.fromObject({}), retryAttempts: 0 })],
  });
  alarmFailedStarts(rule, place, 'leases');
}
