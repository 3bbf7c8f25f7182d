import * as answers from './answers.ts';
import { Area, type PageQuery, type RequestOptions, segment, type ViewOptions } from './requests.ts';

/** `client.approvals`: what sagas ask people for. */
export class Approvals extends Area {
  /** Approves or refuses. `who` is a name that nobody checks. The first decision counts. */
  decide(
    approvalId: string,
    body: { readonly decision: 'approve' | 'refuse'; readonly who: string; readonly why: string },
    options?: RequestOptions,
  ) {
    return this.requests.post(`/approvals/${segment(approvalId)}`, body, answers.decisionAnswer, options);
  }

  /** What is asked, until when, and what was decided. */
  get(approvalId: string, options: ViewOptions = {}) {
    return this.requests.get(`/approvals/${segment(approvalId)}`, answers.approval, options);
  }

  /** A page of approvals, open approvals first, filtered by state, by who decides, or by saga. */
  list(
    query: PageQuery & {
      readonly state?: answers.Approval['state'] | undefined;
      readonly by?: string | undefined;
      readonly sagaId?: string | undefined;
    } = {},
  ) {
    return this.requests.get('/approvals', answers.approvalsPage, query);
  }
}
