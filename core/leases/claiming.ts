import type { AnyDecider } from '../state/decider.ts';

/** One part of the work of a stream, as leases see it. */
export interface ClaimablePart {
  /** The number of its last claim, 0 before the first. */
  readonly fencing: number;
  /** The last claim holds. */
  readonly isClaimed: boolean;
  /** The worker of the last claim. */
  readonly workerId?: string | undefined;
  /** It has its answer, or nobody is to work on it any longer. */
  readonly isOver: boolean;
}

/** The worker that wants or holds a part. */
export interface Claimant {
  readonly workerId: string;
  /** For work that any worker of a type may claim. */
  readonly workerType?: string | undefined;
}

/** The claim of a part: the command that `claim` makes has to write exactly one event, or be refused. */
export interface Claim extends Claimant {
  readonly slot: string;
  /** The number of the last claim of the part, and one. */
  readonly fencing: number;
  /** The end of the lease without a heartbeat, ISO 8601. */
  readonly until: string;
}

/** Why a worker does not hold a part any longer: its time is over, or it gave the part back. */
export type LossReason = 'expired' | 'released';

/**
 * The loss of a claim. A claim of the next number that never came is lost too, and has to be refused from then on: its
 * request may still be on its way.
 */
export interface Loss extends Pick<Claim, 'slot' | 'workerId' | 'fencing'> {
  readonly reason: LossReason;
}

/** How the work of an aggregate is claimed: what its state says about its parts, and the commands of claims. All pure. */
export interface Claiming<State, Command> {
  /** The part of a name; undefined without one. */
  part(state: State, slot: string): ClaimablePart | undefined;
  /** A part that waits for a worker like this; undefined when none does. */
  waiting(state: State, claimant: Claimant): string | undefined;
  /** The part that a worker holds, or held last. */
  held(state: State, workerId: string): string | undefined;
  claim(claim: Claim): Command;
  lose(loss: Loss): Command;
  /** The lists of the aggregate's view in which a part that waits stands: see `entries` of a projection. */
  readonly inboxes: {
    /** Of a worker that the work names. */
    readonly ofWorker: (workerId: string) => string;
    /** Of any workers of a type. */
    readonly ofType: (workerType: string) => string;
  };
}

/** An aggregate, and how its work is claimed. */
export interface Claimable {
  readonly aggregate: AnyDecider;
  // biome-ignore lint/suspicious/noExplicitAny: as for AnyDecider
  readonly work: Claiming<any, any>;
}
