import { createHash } from 'node:crypto';
import { NotFoundError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { ClaimablePart, LossReason } from './claiming.ts';
import type { LeasePlace, LeaseStore } from './lease-store.ts';
import type { WorkHistory } from './work-history.ts';

/** The claim of a part that ends. */
type Ending = LeasePlace & { readonly workerId: string };

/** How leases end: whoever finds one that is over finishes it, also what another began and did not finish. */
export class LeaseEnds {
  readonly #items: LeaseStore;
  readonly #history: WorkHistory;

  constructor(items: LeaseStore, history: WorkHistory) {
    this.#items = items;
    this.#history = history;
  }

  /**
   * Ends the leases that are over: their parts wait again. Anyone may call it, at any time, also several at once.
   * @param share a number that chooses a sixteenth of all leases; all when absent
   * @returns the instant of the next call, ISO 8601; undefined without a lease
   * @throws the error of a lease that cannot be finished, after all others
   */
  async sweep(share?: number): Promise<string | undefined> {
    const failures = new Map<string, unknown>();
    for (;;) {
      const { due, next } = await this.#items.due(this.#history.now().toISOString(), share);
      const left = due.filter((lease) => !failures.has(JSON.stringify(lease)));
      for (const lease of left) {
        await this.#look(lease, lease.due).catch((error) => failures.set(JSON.stringify(lease), error));
      }
      if (left.length > 0) continue;
      for (const error of failures.values()) throw error;
      return next;
    }
  }

  /** Looks at a lease whose listed instant has come. */
  async #look({ id, slot, fencing }: LeasePlace, due: string): Promise<void> {
    const place = { id, slot, fencing };
    const isHeld = !(await this.finish(place));
    const stored = isHeld ? await this.#items.get(place) : undefined;
    // Heartbeats have extended it: it is listed under its present end.
    if (stored) await this.#items.enter(place, stored.content.until);
    await this.#items.leave(place, due);
  }

  /** Ends a claim before its time: its part waits again. */
  async release(claim: Ending): Promise<void> {
    await this.#mark(claim);
    await this.#lose(claim, 'released');
    await this.finish(claim);
  }

  /** Takes back a lease whose claim was refused. Its number is used up, as another attempt may be on its way. */
  async giveUp(claim: Ending): Promise<void> {
    await this.#mark(claim);
    await this.finish(claim);
    await this.#items.release(claim.workerId, claim); // counted after the lease was finished
  }

  /** Marks a lease as given back, unless it ended already: from here on no heartbeat extends it. */
  async #mark(place: LeasePlace): Promise<void> {
    await untilSettled(async () => {
      const stored = await this.#items.get(place);
      if (!stored || stored.content.lost) return true;
      return this.#items.put(place, { ...stored.content, lost: 'released' }, stored.revision);
    });
  }

  /**
   * Finishes a lease that is over: its part has its end, or its time is up. The loss is recorded, then the items go.
   * @returns false while a worker holds it
   */
  async finish(place: LeasePlace): Promise<boolean> {
    const end = await untilSettled(async () => {
      const stored = await this.#items.get(place);
      if (!stored) return 'gone';
      const { content, revision } = stored;
      const { workerId, lost } = content;
      if (!isSettled(await this.#history.part(place), place.fencing)) {
        if (!lost) {
          if (content.until > this.#history.now().toISOString()) return 'held';
          await this.#items.put(place, { ...content, lost: 'expired' }, revision); // a heartbeat may be faster
          return undefined;
        }
        await this.#lose({ ...place, workerId }, lost);
      }
      if (content.isCounted) await this.#items.release(workerId, place);
      if (!(await this.#items.remove(place, revision))) return undefined;
      await this.#items.leave(place, content.due);
      return 'gone';
    });
    return end === 'gone';
  }

  async #lose({ id, slot, workerId, fencing }: Ending, reason: LossReason): Promise<void> {
    const hash = createHash('sha256')
      .update(JSON.stringify([id, slot, fencing]))
      .digest('hex')
      .slice(0, 40);
    const options = { commitId: `lease-${hash}`, defaults: { source: 'leases' } };
    try {
      await this.#history.decide(id, this.#history.work.lose({ slot, workerId, fencing, reason }), options);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error; // a stream without work has nothing to lose
    }
  }
}

/** Whether the history needs to say nothing more about a claim: its part is over, or the claim is lost. */
const isSettled = (part: ClaimablePart | undefined, fencing: number): boolean =>
  !part || part.isOver || part.fencing > fencing || (part.fencing === fencing && !part.isClaimed);
