import type { Json } from '../core/events/json.ts';
import * as answers from './answers.ts';
import { Area, type PageQuery, type RequestOptions, segment } from './requests.ts';

/** `client.sagas` */
export class Sagas extends Area {
  /** Cancels a saga: the saga undoes its work. */
  cancel(sagaId: string, body: { readonly reason: string }, options?: RequestOptions) {
    return this.requests.post(`/sagas/${segment(sagaId)}/cancel`, body, answers.sagaAnswer, options);
  }

  /** Resumes a parked saga: it tries to undo the failed item again. */
  resume(sagaId: string, options?: RequestOptions) {
    return this.requests.post(`/sagas/${segment(sagaId)}/resume`, {}, answers.sagaAnswer, options);
  }

  /** Sends a signal. A step of the saga waits for it, or will; a saga takes one signal of each name. */
  signal(sagaId: string, name: string, body: { readonly payload?: Json | undefined } = {}, options?: RequestOptions) {
    const path = `/sagas/${segment(sagaId)}/signals/${segment(name)}`;
    return this.requests.post(path, body, answers.sagaAnswer, options);
  }

  /** A saga's state, its steps and its whole history. */
  get(sagaId: string) {
    return this.requests.get(`/sagas/${segment(sagaId)}`, answers.saga);
  }

  /** A page of sagas, parked sagas first, filtered by state or type. */
  list(
    query: PageQuery & {
      readonly state?: answers.SagasPage['sagas'][number]['state'] | undefined;
      readonly sagaType?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/sagas', answers.sagasPage, query);
  }
}
