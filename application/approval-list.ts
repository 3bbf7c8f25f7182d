import { APPROVAL_STREAMS } from '../core/events/approval.ts';
import type { DomainEvent, EventData } from '../core/events/catalogue.ts';
import type { Json } from '../core/events/json.ts';
import { defineProjection } from '../core/projections/projection.ts';
import { firstSeen, seen, type Times } from '../core/projections/times.ts';

type ApprovalState = 'open' | 'approved' | 'refused' | 'expired' | 'withdrawn';

/** An approval, as lists and readers see it. */
export interface ApprovalView extends Times {
  readonly approvalId: string;
  readonly state: ApprovalState;
  readonly sagaId: string;
  /** The item of the saga that waits. */
  readonly item: string;
  /** Whose decision it waits for. */
  readonly by: string;
  readonly title?: string;
  readonly asks?: Json;
  readonly until?: string;
  /** What counts when nobody decides in time. */
  readonly otherwise?: EventData<'approval.requested'>['otherwise'];
  /** What counts: the decision of a person, or that of the declaration after the end of the time. */
  readonly decision?: EventData<'approval.decided'>['decision'];
  readonly who?: string;
  /** The reason for the decision or for the withdrawal. */
  readonly why?: string;
}

const types = ['approval.requested', 'approval.decided', 'approval.expired', 'approval.withdrawn'] as const;

/** The projection of all approvals; every application has it. */
export const approvalList = defineProjection({
  name: 'approvals',
  aggregateType: APPROVAL_STREAMS,
  types,
  group: {
    of: (view: ApprovalView) => view.state,
    values: ['open', 'approved', 'refused', 'expired', 'withdrawn'],
  },
  evolve,
});

function evolve(view: ApprovalView | undefined, event: DomainEvent<(typeof types)[number]>): ApprovalView {
  const { approvalId, sagaId, item, by } = event.data;
  const base: ApprovalView = view ?? { approvalId, state: 'open', sagaId, item, by, ...firstSeen(event) };
  const now = { ...base, ...seen(base, event) };
  switch (event.type) {
    case 'approval.requested': {
      const { title, asks, until, otherwise } = event.data;
      return { ...now, title, ...(asks === undefined ? {} : { asks }), until, otherwise };
    }
    case 'approval.decided': {
      const { decision, who, why } = event.data;
      return { ...now, state: decision === 'approve' ? 'approved' : 'refused', decision, who, why };
    }
    case 'approval.expired': {
      const { decision, until } = event.data;
      return { ...now, state: 'expired', decision, until };
    }
    case 'approval.withdrawn':
      return { ...now, state: 'withdrawn', why: event.data.reason };
  }
}
