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

/** `client.workflows` */
export class Workflows extends Area {
  start(body: Optional<EventData<'workflow.started'>, 'workflowId'> & Happened, options?: RequestOptions) {
    return this.requests.post('/workflows', body, answers.workflowAnswer, options);
  }

  completeStep(
    workflowId: string,
    body: Omit<EventData<'workflow.step-completed'>, 'workflowId'> & Happened,
    options?: RequestOptions,
  ) {
    return this.requests.post(`/workflows/${segment(workflowId)}/steps`, body, answers.workflowAnswer, options);
  }

  failStep(
    workflowId: string,
    body: Omit<EventData<'workflow.step-failed'>, 'workflowId'> & Happened,
    options?: RequestOptions,
  ) {
    return this.requests.post(`/workflows/${segment(workflowId)}/failures`, body, answers.workflowAnswer, options);
  }

  get(workflowId: string, options?: ViewOptions) {
    return this.requests.get(`/workflows/${segment(workflowId)}`, answers.workflowView, options);
  }

  /** A page of workflows, filtered by state, type or initiator. */
  list(
    query: PageQuery & {
      readonly state?: 'started' | 'running' | 'completed' | 'failed' | undefined;
      readonly workflowType?: string | undefined;
      readonly initiatedBy?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/workflows', answers.workflowsPage, query);
  }
}
