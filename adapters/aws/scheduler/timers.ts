import { createHash } from 'node:crypto';
import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { TimerCall, Timers } from '../../../core/schedules/timers.ts';
import { callService, ignoring } from '../clients/service-error.ts';

/** The clients and resources of {@link SchedulerTimers}. */
export interface SchedulerTimersOptions {
  readonly scheduler: SchedulerClient;
  readonly sqs: SQSClient;
  /** The group of the schedules of a stage. */
  readonly group: string;
  /** The queue whose messages are the calls. */
  readonly queueUrl: string;
  readonly queueArn: string;
  /** The role by which Scheduler sends to the queue, and the queue of the calls that it could not send. */
  readonly roleArn: string;
  readonly failuresArn: string;
  readonly now?: () => Date;
}

/** Longest delay of a message of SQS, seconds. */
const LONGEST_DELAY = 900;
/** Scheduler is precise to a minute: it calls so long before the instant, and a delayed message does the rest, seconds. */
const AHEAD = 120;
/** For how long Scheduler tries to send a call, seconds and attempts. The sweep finds what is lost after that. */
const RETRIES = { MaximumEventAgeInSeconds: 3_600, MaximumRetryAttempts: 30 };

/**
 * Timers on AWS. Up to 15 minutes ahead, a call is a delayed message of a queue. Further ahead, it is a one-time schedule
 * of EventBridge Scheduler that sends the message shortly before the instant, and is then deleted. An instant that has
 * passed never goes to Scheduler.
 */
export class SchedulerTimers implements Timers {
  readonly #options: SchedulerTimersOptions;
  readonly #now: () => Date;

  constructor(options: SchedulerTimersOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  async set(call: TimerCall): Promise<void> {
    const seconds = this.#secondsTo(call);
    if (seconds <= LONGEST_DELAY) await this.#send(call, Math.max(0, seconds));
    else await this.#schedule(call);
  }

  /** A message of the queue is not taken back: its call finds nothing to do. */
  async remove(call: TimerCall): Promise<void> {
    if (this.#secondsTo(call) <= 0) return;
    const { scheduler, group } = this.#options;
    const command = new DeleteScheduleCommand({ Name: nameOf(call), GroupName: group });
    await ignoring(
      [ResourceNotFoundException],
      callService('Scheduler', () => scheduler.send(command)),
    );
  }

  async #send(call: TimerCall, DelaySeconds: number): Promise<void> {
    const { sqs, queueUrl } = this.#options;
    const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: bodyOf(call), DelaySeconds });
    await callService('SQS', () => sqs.send(command));
  }

  async #schedule(call: TimerCall): Promise<void> {
    const { scheduler, group, queueArn, roleArn, failuresArn } = this.#options;
    const at = new Date(Date.parse(call.dueAt) - AHEAD * 1_000).toISOString();
    const command = new CreateScheduleCommand({
      Name: nameOf(call),
      GroupName: group,
      ScheduleExpression: `at(${at.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)})`,
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
      Target: {
        Arn: queueArn,
        RoleArn: roleArn,
        Input: bodyOf(call),
        RetryPolicy: RETRIES,
        DeadLetterConfig: { Arn: failuresArn },
      },
    });
    // The name says schedule and instant, so a schedule of that name is this call.
    await ignoring(
      [ConflictException],
      callService('Scheduler', () => scheduler.send(command)),
    );
  }

  /** Rounded up: no message comes early. */
  #secondsTo({ dueAt }: TimerCall): number {
    return Math.ceil((Date.parse(dueAt) - this.#now().getTime()) / 1_000);
  }
}

/** The message of a call, which the function `timer` reads. */
const bodyOf = ({ scheduleId, dueAt }: TimerCall): string => JSON.stringify({ scheduleId, dueAt });

/** A hash of 64 characters: ids of schedules may be longer, and have characters that Scheduler refuses. */
const nameOf = ({ scheduleId, dueAt }: TimerCall): string =>
  createHash('sha256')
    .update(JSON.stringify([scheduleId, dueAt]))
    .digest('hex');
