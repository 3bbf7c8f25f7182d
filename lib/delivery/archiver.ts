import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import type { Data } from '../data/data.ts';
import { archiveLog, sweepBodies } from '../data/permissions.ts';
import type { AlarmPlace } from '../shared/alarms.ts';
import { alarmFailedStarts } from '../shared/rule-alarm.ts';
import { type FunctionCode, ServiceFunction } from '../shared/service-function.ts';

/** The data and the code that {@link Archiver} needs. */
export interface ArchiverProps extends AlarmPlace {
  readonly data: Data;
  readonly code: FunctionCode;
}

/**
 * The function that archives old pages of the log to the bucket, and removes bodies of commits that were never written, once
 * a day. The next run goes on where a run ends.
 */
export class Archiver extends ServiceFunction<'archiver'> {
  constructor(scope: Construct, id: string, { data, code, ...place }: ArchiverProps) {
    super(scope, id, {
      ...place,
      isRare: true,
      name: 'archiver',
      description: 'Annals: archives old pages of the log, removes bodies without commits',
      code,
      environment: {
        EVENTS_TABLE: data.events.tableName,
        VIEWS_TABLE: data.views.tableName,
        LOG_TABLE: data.log.tableName,
        OBJECTS_BUCKET: data.objects.bucketName,
      },
      permissions: [...archiveLog(data), ...sweepBodies(data)],
      timeout: Duration.minutes(15),
      memoryMegabytes: 1024,
    });
    data.objects.acknowledgeUse(this, 'log', 'large-events', 'large-views');
    const rule = new events.Rule(scope, `${id}Schedule`, {
      description: 'Annals: once a day',
      schedule: events.Schedule.rate(Duration.days(1)),
      targets: [new LambdaFunction(this, { retryAttempts: 2 })],
    });
    alarmFailedStarts(rule, place, 'archiver');
  }
}
