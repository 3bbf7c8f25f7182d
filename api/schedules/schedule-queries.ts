import * as z from 'zod';
import { type ScheduleView, scheduleStatus } from '../../application/schedule-status.ts';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { type Route, route } from '../http/route.ts';
import type { ListDeps } from '../views/lists.ts';
import { readView, type ViewSources, viewQuery } from '../views/read-view.ts';
import { listRoute, viewReading } from '../views/view-routes.ts';
import { scheduleState, schedulesPage, scheduleView } from './schedule-answers.ts';

/** The routes that read schedules. */
export const scheduleQueries: readonly Route<ListDeps & ViewSources>[] = [
  listRoute(scheduleStatus, {
    name: 'listSchedules',
    path: '/schedules',
    summary: 'List schedules, by state, kind of action or next run; active schedules come first',
    description: 'The list may be a moment behind.',
    state: scheduleState,
    filters: {
      kind: {
        value: z.enum(['command', 'append', 'saga']),
        passes: ({ action }: ScheduleView, kind) => action.kind === kind,
      },
      dueBefore: {
        value: instant,
        passes: ({ nextDue }: ScheduleView, instant) =>
          nextDue !== undefined && Date.parse(nextDue) < Date.parse(instant),
      },
    },
    answer: schedulesPage,
    done: 'A page of schedules',
  }),
  route({
    ...viewReading,
    name: 'getSchedule',
    path: '/schedules/{scheduleId}',
    summary: 'A schedule: its next run, its last run, and the number of runs and failures',
    params: z.object({ scheduleId: id }),
    query: viewQuery,
    answer: scheduleView,
    handle: ({ params: { scheduleId }, query }, deps: ViewSources) => readView(scheduleStatus, scheduleId, query, deps),
  }),
];
