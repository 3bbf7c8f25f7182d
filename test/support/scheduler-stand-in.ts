import {
  ConflictException,
  CreateScheduleCommand,
  DeleteScheduleCommand,
  ResourceNotFoundException,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { SchedulerTimers } from '../../adapters/aws/scheduler/timers.ts';

const NAME = /^[0-9a-zA-Z-_.]{1,64}$/;
const EXPRESSION = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/;

/** EventBridge Scheduler and a queue of SQS with a clock by hand, as far as timers need them; they refuse what AWS refuses. */
export class SchedulerStandIn {
  now: number;
  readonly schedules = new Map<string, { readonly at: number; readonly body: string }>();
  readonly #messages: { readonly visibleAt: number; readonly body: string }[] = [];
  readonly timers: SchedulerTimers;

  constructor(start: string) {
    this.now = Date.parse(start);
    this.timers = new SchedulerTimers({
      scheduler: { send: async (command: object) => this.#schedule(command) } as unknown as SchedulerClient,
      sqs: { send: async (command: object) => this.#send(command) } as unknown as SQSClient,
      ...{ group: 'annals-dev', queueUrl: 'https://queue', queueArn: 'arn:queue' },
      ...{ roleArn: 'arn:role', failuresArn: 'arn:failures' },
      now: () => new Date(this.now),
    });
  }

  /** Lets the time pass up to an instant. @returns the bodies of the messages that were delivered */
  pass(to: string): string[] {
    this.now = Math.max(this.now, Date.parse(to));
    for (const [name, { at, body }] of this.schedules) {
      if (at > this.now) continue;
      this.schedules.delete(name); // ActionAfterCompletion: DELETE
      this.#messages.push({ visibleAt: at, body });
    }
    const due = this.#messages.filter(({ visibleAt }) => visibleAt <= this.now);
    for (const message of due) this.#messages.splice(this.#messages.indexOf(message), 1);
    return due.map(({ body }) => body);
  }

  #schedule(command: object): object {
    if (command instanceof DeleteScheduleCommand) {
      if (this.schedules.delete(command.input.Name ?? '')) return {};
      throw new ResourceNotFoundException({ message: 'no', Message: 'no', $metadata: {} });
    }
    if (!(command instanceof CreateScheduleCommand)) throw new Error('unknown command');
    const { Name = '', ScheduleExpression = '', Target, ActionAfterCompletion, FlexibleTimeWindow } = command.input;
    const at = Date.parse(`${EXPRESSION.exec(ScheduleExpression)?.[1]}Z`);
    if (!NAME.test(Name) || Number.isNaN(at) || at <= this.now)
      throw new Error(`refused: ${Name} ${ScheduleExpression}`);
    if (ActionAfterCompletion !== 'DELETE' || FlexibleTimeWindow?.Mode !== 'OFF')
      throw new Error('a schedule would stay');
    if (this.schedules.has(Name)) throw new ConflictException({ message: 'there', Message: 'there', $metadata: {} });
    this.schedules.set(Name, { at, body: Target?.Input ?? '' });
    return {};
  }

  #send(command: object): object {
    if (!(command instanceof SendMessageCommand)) throw new Error('unknown command');
    const { DelaySeconds = 0, MessageBody = '' } = command.input;
    if (DelaySeconds < 0 || DelaySeconds > 900) throw new Error(`refused: ${DelaySeconds}`);
    this.#messages.push({ visibleAt: this.now + DelaySeconds * 1_000, body: MessageBody });
    return {};
  }
}
