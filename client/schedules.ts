import type { ScheduleAction } from '../core/events/schedule.ts';
import * as answers from './answers.ts';
import { Area, type Optional, type PageQuery, type RequestOptions, segment, type ViewOptions } from './requests.ts';

/** What a schedule does at each run. Members with a default may be left out. */
type Action =
  | Optional<Extract<ScheduleAction, { kind: 'command' }>, 'data'>
  | Optional<Extract<ScheduleAction, { kind: 'append' }>, 'expectedVersion'>
  | Extract<ScheduleAction, { kind: 'saga' }>;

/** When a schedule runs: once at an instant (ISO 8601), once after some seconds, or by a cron expression in a zone. */
type Timing =
  | { readonly at: string }
  | { readonly afterSeconds: number }
  | { readonly cron: string; readonly zone: string };

/** `client.schedules` */
export class Schedules extends Area {
  /** Schedules a command, an append, or the start of a saga. The same request with the same id changes nothing. */
  create(body: { readonly scheduleId?: string; readonly action: Action } & Timing, options?: RequestOptions) {
    return this.requests.post('/schedules', body, answers.scheduleAnswer, options);
  }

  /** Cancels a schedule: no run begins after the answer. */
  cancel(scheduleId: string, body: { readonly reason: string }, options?: RequestOptions) {
    return this.requests.post(`/schedules/${segment(scheduleId)}/cancel`, body, answers.scheduleAnswer, options);
  }

  get(scheduleId: string, options?: ViewOptions) {
    return this.requests.get(`/schedules/${segment(scheduleId)}`, answers.schedule, options);
  }

  /** A page of schedules, active schedules first. */
  list(
    query: PageQuery & {
      readonly state?: answers.Schedule['state'] | undefined;
      readonly kind?: ScheduleAction['kind'] | undefined;
      /** Schedules whose next run is before this instant. */
      readonly dueBefore?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/schedules', answers.schedulesPage, query);
  }
}
