import { AnnalsError, CommandRejectedError, LeaseLostError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import { untilSettled } from '../base/races.ts';
import type { AdmitsClaim } from '../budgets/claims.ts';
import type { CommandOptions } from '../state/decider.ts';
import { assertSameRequest } from '../store/append-result.ts';
import type { ControlStore } from '../store/control-store.ts';
import type { Claim, Claimant } from './claiming.ts';
import { LeaseEnds } from './lease-ends.ts';
import { type LeaseContent, type LeasePlace, LeaseStore } from './lease-store.ts';
import { WorkHistory, type WorkHistoryOptions } from './work-history.ts';

/** The parts of {@link Leases}. */
export interface LeasesOptions extends WorkHistoryOptions {
  readonly control: ControlStore;
  readonly admits?: AdmitsClaim | undefined;
}

/** A request to claim a part. */
export interface LeaseRequest extends Claimant {
  readonly id: string;
  /** Any part that waits for the worker when absent. */
  readonly slot?: string | undefined;
  /** The lease ends so long after the claim or the last heartbeat. */
  readonly seconds: number;
  /** Most parts that the worker may hold at once, counted over its claims with a limit. No limit when absent. */
  readonly limit?: number | undefined;
}

/** The holder of a part, as it proves itself. */
export interface Holder {
  readonly id: string;
  readonly workerId: string;
  readonly fencing: number;
}

/** A part that a worker holds. */
export interface HeldPart extends LeasePlace, Holder {
  /** The end of the lease without a heartbeat, ISO 8601. */
  readonly until: string;
}

/** The part waits for no worker, or not any longer: another claimed it, or it is over. */
export class TakenError extends CommandRejectedError {
  override get name(): string {
    return 'TakenError';
  }
}

/** The worker holds as many parts as it may. */
export class AtLimitError extends CommandRejectedError {
  override get name(): string {
    return 'AtLimitError';
  }
  constructor(workerId: string, limit: number) {
    super(`worker ${workerId} holds ${limit} parts, its limit; finish one first`);
  }
}

const newId = ulids();

/**
 * Leases on parts of work: at most one holder at a time, and none for ever, whatever crashes between any two calls.
 *
 * The stream has the truth about who holds a part: claims and losses are events, numbered for each part. A lease is an
 * item beside the history, so that heartbeats cost no event. It is written before its claim, and removed after the loss or
 * the end of its claim: so each claim has a lease, and whoever finds a lease that is over can finish it. A part takes
 * answers and heartbeats under the number of its present claim alone.
 */
export class Leases {
  readonly #history: WorkHistory;
  readonly #items: LeaseStore;
  readonly #ends: LeaseEnds;
  readonly #admits: AdmitsClaim | undefined;
  readonly #onTaken = new Set<(until: string) => void>();

  constructor(options: LeasesOptions) {
    this.#history = new WorkHistory(options);
    this.#items = new LeaseStore(options.control);
    this.#ends = new LeaseEnds(this.#items, this.#history);
    this.#admits = options.admits;
  }

  /** Calls back with the end of each new lease, ISO 8601: the next time to {@link sweep}. */
  onTaken(hear: (until: string) => void): void {
    this.#onTaken.add(hear);
  }

  /**
   * Claims a part for a worker. With a `commitId` a repeat gives the same part under the same number.
   * @throws CommandRejectedError when no part waits for the worker or another holds it, AtLimitError, NotFoundError, and
   * the refusals of {@link AdmitsClaim}
   */
  async take(request: LeaseRequest, { commitId = newId(), ...options }: CommandOptions = {}): Promise<HeldPart> {
    const { id, workerId, workerType, limit } = request;
    const { state, repeat } = await this.#history.load(id, commitId);
    if (repeat) {
      assertSameRequest(repeat, options.digest);
      return this.#again(request, state);
    }
    await this.#admits?.({ workId: id, workerId, workerType });
    if (limit !== undefined) await this.#assertRoom(workerId, limit, commitId);
    const { place, lease } = await this.#write(request, state, commitId);
    const { fencing } = place;
    const { until } = lease;
    try {
      if (limit !== undefined && !(await this.#items.hold(workerId, place, limit)))
        throw new AtLimitError(workerId, limit);
      const command = this.#history.work.claim({ slot: place.slot, workerId, workerType, fencing, until });
      await this.#history.decide(id, command, { ...options, commitId });
    } catch (error) {
      // Without an answer of the storage the claim may be written: then the lease ends by itself, or a repeat goes on.
      if (error instanceof AnnalsError && error.code !== 'UNAVAILABLE') await this.#ends.giveUp({ ...place, workerId });
      throw error;
    }
    return { ...place, workerId, until };
  }

  /**
   * Extends a lease to so many seconds from now, never to less than it has.
   * @throws LeaseLostError when the worker does not hold the part any longer: it has to stop its work
   */
  async beat(holder: Holder, seconds: number): Promise<HeldPart> {
    const { workerId } = holder;
    const place = await this.#placeOf(holder);
    return untilSettled(async () => {
      const stored = await this.#items.get(place);
      if (stored?.content.lost) throw lostLease(holder);
      const wanted = this.#history.after(seconds);
      const until = stored && stored.content.until > wanted ? stored.content.until : wanted;
      // Without an item the claim of the history gets a new one.
      const content = stored?.content ?? { workerId, due: until, commitId: newId(), isCounted: false };
      if (!stored) await this.#items.enter(place, until);
      if (!(await this.#items.put(place, { ...content, until }, stored?.revision ?? 0))) return undefined;
      if (!stored) await this.#placeOf(holder); // it may have been lost right before
      return { ...place, workerId, until };
    });
  }

  /** Gives a part back before its end: it waits again. A second time does nothing. @throws LeaseLostError */
  async release(holder: Holder): Promise<void> {
    if (await this.#isGivenBack(holder)) return;
    await this.#ends.release({ ...(await this.#placeOf(holder)), ...holder });
  }

  /** See {@link LeaseEnds.sweep}. */
  sweep(share?: number): Promise<string | undefined> {
    return this.#ends.sweep(share);
  }

  /** The places of the leases that a worker has with a limit under this commit id; their claims may not be written. */
  async placesUnder(workerId: string, commitId: string): Promise<readonly LeasePlace[]> {
    const held = await Promise.all(
      (await this.#items.held(workerId)).map(async (place) => ({ place, stored: await this.#items.get(place) })),
    );
    return held.flatMap(({ place, stored }) => {
      return stored?.content.commitId === commitId && !stored.content.lost ? [place] : [];
    });
  }

  async #isGivenBack({ id, workerId, fencing }: Holder): Promise<boolean> {
    const { state } = await this.#history.load(id);
    const slot = this.#history.work.held(state, workerId);
    const part = slot === undefined ? undefined : this.#history.work.part(state, slot);
    return part?.fencing === fencing && !part.isClaimed;
  }

  /** The place of the part that a holder works on. @throws LeaseLostError */
  async #placeOf({ id, workerId, fencing }: Holder): Promise<LeasePlace> {
    const { state } = await this.#history.load(id);
    const slot = this.#history.work.held(state, workerId);
    const part = slot === undefined ? undefined : this.#history.work.part(state, slot);
    const isHeld = part && !part.isOver && part.isClaimed && part.fencing === fencing;
    if (slot === undefined || !isHeld) throw lostLease({ id, workerId, fencing });
    return { id, slot, fencing };
  }

  /**
   * Writes the lease of a claim, listed as due first. A lease that is over does not stand in its way.
   * @throws CommandRejectedError
   */
  #write(request: LeaseRequest, first: unknown, commitId: string): Promise<{ place: LeasePlace; lease: LeaseContent }> {
    const { id, workerId, seconds, limit } = request;
    let state = first;
    return untilSettled(async () => {
      const slot = request.slot ?? this.#history.work.waiting(state, request);
      const part = slot === undefined ? undefined : this.#history.work.part(state, slot);
      if (slot === undefined || !part) throw new TakenError(`no part of ${id} waits for worker ${workerId}`);
      if (part.isOver) throw new TakenError(`${slot} of ${id} waits for nobody any longer`);
      const place = { id, slot, fencing: part.isClaimed ? part.fencing : part.fencing + 1 };
      if (!part.isClaimed) {
        const until = this.#history.after(seconds);
        this.#assertClaimable(state, { ...request, ...place, until });
        const written = { until, due: until, isCounted: limit !== undefined };
        const lease: LeaseContent = { workerId, commitId, ...written };
        await this.#items.enter(place, until);
        if (await this.#items.put(place, lease, 0)) {
          for (const hear of this.#onTaken) hear(until);
          return { place, lease };
        }
        const stored = await this.#items.get(place);
        if (stored?.content.due !== until) await this.#items.leave(place, until);
        if (stored?.content.commitId === commitId) return { place, lease: stored.content };
      }
      if (!(await this.#ends.finish(place))) throw new TakenError(`${slot} of ${id} is held by another worker`);
      ({ state } = await this.#history.load(id));
      if (this.#history.work.part(state, slot)?.isClaimed) {
        throw new TakenError(`${slot} of ${id} is held by another worker`);
      }
      return undefined;
    });
  }

  /** A claim that would be refused leaves nothing behind. @throws CommandRejectedError, NotFoundError */
  #assertClaimable(
    state: unknown,
    { id, workerId, workerType, slot, fencing, until }: Claim & { readonly id: string },
  ): void {
    const command = this.#history.work.claim({ slot, workerId, workerType, fencing, until });
    this.#history.try(id, state, command);
  }

  /** A repeated claim: the part that the worker got, as the history and its lease have it. */
  async #again({ id, workerId }: LeaseRequest, state: unknown): Promise<HeldPart> {
    const slot = this.#history.work.held(state, workerId);
    if (slot === undefined) throw new CommandRejectedError(`worker ${workerId} claimed no part of ${id} with this key`);
    const fencing = this.#history.work.part(state, slot)?.fencing ?? 0;
    const stored = await this.#items.get({ id, slot, fencing });
    const until = stored?.content.until ?? this.#history.after(0);
    return { id, slot, workerId, fencing, until };
  }

  /** @throws AtLimitError when the worker holds as much as it may, also after a look at what it holds */
  async #assertRoom(workerId: string, limit: number, commitId: string): Promise<void> {
    const held = await this.#items.held(workerId);
    let count = held.length;
    for (const place of held) {
      if (count < limit) return;
      const stored = await this.#items.get(place);
      const isOwn = stored?.content.workerId === workerId;
      if (isOwn && stored.content.commitId === commitId) return; // the lease of an earlier attempt of this request
      if (isOwn && !(await this.#ends.finish(place))) continue;
      await this.#items.release(workerId, place);
      count -= 1;
    }
    if (count >= limit) throw new AtLimitError(workerId, limit);
  }
}

const lostLease = ({ id, workerId, fencing }: Holder) =>
  new LeaseLostError(`worker ${workerId} does not hold its part of ${id} under ${fencing} any longer; stop the work`);
