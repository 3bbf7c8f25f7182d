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
  /** Requests work of named agents (`requiredAgents`), or of any `count` agents of a type, and starts a saga. */
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

  /** A page of tasks, filtered by state, by a required agent or by the type of their agents. */
  list(
    query: PageQuery & {
      readonly state?: 'requested' | 'completed' | 'failed' | undefined;
      readonly agentId?: string | undefined;
      readonly agentType?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/tasks', answers.tasksPage, query);
  }
}
