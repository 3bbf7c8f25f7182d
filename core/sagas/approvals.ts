import { createHash } from 'node:crypto';
import { CommandRejectedError, NotFoundError } from '../base/errors.ts';
import { APPROVAL_STREAMS } from '../events/approval.ts';
import type { DomainEvent, EventData, NewEvent } from '../events/catalogue.ts';
import type { DecideContext, Decider } from '../state/decider.ts';

type ApprovalEvent = 'approval.requested' | 'approval.decided' | 'approval.expired' | 'approval.withdrawn';

/** `none` before anybody asked. */
export type ApprovalStatus = 'none' | 'open' | 'approved' | 'refused' | 'expired' | 'withdrawn';

/** The facts that decisions about an approval need. */
export interface Approval {
  readonly status: ApprovalStatus;
  readonly request?: EventData<'approval.requested'>;
  readonly decided?: EventData<'approval.decided'>;
  /** The request's event, and its correlation id: those of the answer. */
  readonly requestedBy?: string | undefined;
  readonly correlationId?: string | undefined;
}

type Request = Omit<EventData<'approval.requested'>, 'approvalId'>;

/** The commands of an approval. Sagas give all but `decide`. */
export type ApprovalCommand =
  | ({ readonly kind: 'request' } & Request)
  | ({ readonly kind: 'decide' } & Pick<EventData<'approval.decided'>, 'decision' | 'who' | 'why'>)
  /** The time to decide is over. */
  | ({ readonly kind: 'expire' } & Request)
  | ({ readonly kind: 'withdraw'; readonly reason: string } & Request);

/** The id of the approval that an item of a saga waits for: `<saga>:<item>`, hashed where that is too long for an id. */
export function approvalIdOf(sagaId: string, item: string): string {
  const id = `${sagaId}:${item}`;
  if (id.length <= 128) return id;
  return `${sagaId.slice(0, 60)}:${createHash('sha256').update(id).digest('hex')}`;
}

/**
 * An approval is asked for once and ends once: by a decision, by the end of its time, or because its saga turned round. The
 * first end counts; its event is the answer to the saga.
 */
export const approvalDecider: Decider<Approval, ApprovalCommand, ApprovalEvent> = {
  aggregateType: APPROVAL_STREAMS,
  initialState: { status: 'none' },
  decide: (approval, command, context) => {
    const { correlationId, requestedBy: causationId } = approval;
    const links = { ...(correlationId !== undefined && { correlationId }), ...(causationId && { causationId }) };
    // A decision belongs to the work of the saga, whoever decides; the commands of the saga say so themselves.
    return decided(approval, command, context).map((event) =>
      event.type === 'approval.decided' ? { ...event, ...links } : event,
    );
  },
  evolve,
};

function decided(approval: Approval, command: ApprovalCommand, { now, id }: DecideContext): NewEvent<ApprovalEvent>[] {
  const { status } = approval;
  switch (command.kind) {
    case 'request': {
      const { kind: _, ...data } = command;
      return status === 'none' ? [{ type: 'approval.requested', data: { approvalId: id, ...data } }] : [];
    }
    case 'decide':
      return decision(approval, command, { now, id });
    case 'expire': {
      const { sagaId, item, by, until, otherwise } = command;
      if (status !== 'none' && status !== 'open') return [];
      return [{ type: 'approval.expired', data: { approvalId: id, sagaId, item, by, until, decision: otherwise } }];
    }
    case 'withdraw': {
      const { sagaId, item, by, reason } = command;
      if (status !== 'none' && status !== 'open') return [];
      return [{ type: 'approval.withdrawn', data: { approvalId: id, sagaId, item, by, reason } }];
    }
  }
}

function decision(
  { status, request, decided }: Approval,
  { decision, who, why }: Extract<ApprovalCommand, { kind: 'decide' }>,
  { now, id: approvalId }: DecideContext,
): NewEvent<ApprovalEvent>[] {
  if (!request) throw new NotFoundError(`there is no approval ${approvalId}`);
  if (decided?.decision === decision && decided.who === who && decided.why === why) return [];
  if (status !== 'open') throw new CommandRejectedError(`approval ${approvalId} is ${status} already`);
  const { sagaId, item, by, until } = request;
  if (Date.parse(until) <= Date.parse(now)) {
    throw new CommandRejectedError(`the time to decide about approval ${approvalId} ended at ${until}`);
  }
  return [{ type: 'approval.decided', data: { approvalId, sagaId, item, by, decision, who, why } }];
}

function evolve(approval: Approval, event: DomainEvent<ApprovalEvent>): Approval {
  switch (event.type) {
    case 'approval.requested': {
      const { id: requestedBy, correlationId, data: request } = event;
      return { status: 'open', request, requestedBy, correlationId };
    }
    case 'approval.decided': {
      const status = event.data.decision === 'approve' ? 'approved' : 'refused';
      return { ...approval, status, decided: event.data };
    }
    case 'approval.expired':
      return { ...approval, status: 'expired' };
    case 'approval.withdrawn':
      return { ...approval, status: 'withdrawn' };
  }
}
