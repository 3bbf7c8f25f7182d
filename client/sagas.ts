import * as answers from './answers.ts';
import { Area, type PageQuery, type RequestOptions, segment } from './requests.ts';

/** `client.sagas` */
export class Sagas extends Area {
  /** Gives a saga up: what it did is undone. */
  cancel(sagaId: string, body: { readonly reason: string }, options?: RequestOptions) {
    return this.requests.post(`/sagas/${segment(sagaId)}/cancel`, body, answers.sagaAnswer, options);
  }

  /** Has a parked saga try again to undo what it could not. */
  resume(sagaId: string, options?: RequestOptions) {
    return this.requests.post(`/sagas/${segment(sagaId)}/resume`, {}, answers.sagaAnswer, options);
  }

  /** A saga's state, its steps and its whole history. */
  get(sagaId: string) {
    return this.requests.get(`/sagas/${segment(sagaId)}`, answers.saga);
  }

  /** A page of the sagas, those that need an operator first; those of one state or type when that is given. */
  list(
    query: PageQuery & {
      readonly state?: answers.SagasPage['sagas'][number]['state'] | undefined;
      readonly sagaType?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/sagas', answers.sagasPage, query);
  }
}
