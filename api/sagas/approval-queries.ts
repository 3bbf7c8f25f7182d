import * as z from 'zod';
import { approvalList } from '../../application/approval-list.ts';
import { approver } from '../../core/events/approval.ts';
import { id } from '../../core/events/envelope.ts';
import { nextPage } from '../http/page.ts';
import { type Route, route } from '../http/route.ts';
import type { ListDeps } from '../views/lists.ts';
import { readView, type ViewSources, viewQuery } from '../views/read-view.ts';
import { listRoute, viewReading } from '../views/view-routes.ts';
import { approvalAnswer, approvalState } from './approval-answers.ts';

/** The routes that read approvals. */
export const approvalQueries: readonly Route<ListDeps & ViewSources>[] = [
  listRoute(approvalList, {
    name: 'listApprovals',
    path: '/approvals',
    summary: 'List approvals, by state, by who decides or by saga; open approvals come first',
    description: 'The list may be a moment behind.',
    state: approvalState,
    filters: {
      by: { value: approver.describe('The group, role or person that decides'), passes: (view, by) => view.by === by },
      sagaId: { value: id.describe('The saga that waits'), passes: (view, sagaId) => view.sagaId === sagaId },
    },
    answer: z.strictObject({ approvals: z.array(approvalAnswer), next: nextPage }),
    done: 'A page of approvals',
  }),
  route({
    ...viewReading,
    name: 'getApproval',
    path: '/approvals/{approvalId}',
    summary: 'An approval: what is asked, until when, and what was decided',
    params: z.object({ approvalId: id }),
    query: viewQuery,
    answer: approvalAnswer,
    handle: ({ params, query }, deps: ViewSources) => readView(approvalList, params.approvalId, query, deps),
  }),
];
