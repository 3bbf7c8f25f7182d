import type { EventData } from '../core/events/catalogue.ts';
import * as answers from './answers.ts';
import {
  Area,
  type Happened,
  type Optional,
  type PageQuery,
  type RequestOptions,
  segment,
  type ViewOptions,
} from './requests.ts';

/** `client.tasks` */
export class Tasks extends Area {
  /** Requests work of several agents, and starts a saga. */
  request(body: Optional<EventData<'task.requested'>, 'taskId'> & Happened, options?: RequestOptions) {
    return this.requests.post('/tasks', body, answers.taskRequestedAnswer, options);
  }

  complete(taskId: string, body: Omit<EventData<'task.completed'>, 'taskId'> & Happened, options?: RequestOptions) {
    return this.requests.post(`/tasks/${segment(taskId)}/completions`, body, answers.taskAnswer, options);
  }

  fail(taskId: string, body: Omit<EventData<'task.failed'>, 'taskId'> & Happened, options?: RequestOptions) {
    return this.requests.post(`/tasks/${segment(taskId)}/failures`, body, answers.taskAnswer, options);
  }

  get(taskId: string, options?: ViewOptions) {
    return this.requests.get(`/tasks/${segment(taskId)}`, answers.taskView, options);
  }

  /** A page of tasks, filtered by state or by a required agent. */
  list(
    query: PageQuery & {
      readonly state?: 'requested' | 'completed' | 'failed' | undefined;
      readonly agentId?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/tasks', answers.tasksPage, query);
  }
}
