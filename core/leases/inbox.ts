import { createHash } from 'node:crypto';
import { AnnalsError } from '../base/errors.ts';
import type { CommandOptions } from '../state/decider.ts';
import { type Candidate, Candidates, type ReadList } from './candidates.ts';
import { AtLimitError, type HeldPart, type LeaseRequest, type Leases, TakenError } from './leases.ts';

/** The parts of {@link Inbox}. */
export interface InboxOptions {
  readonly leases: Leases;
  readonly read: ReadList;
  /** The longest pause between two looks at an empty list, milliseconds. */
  readonly longestPauseMs: number;
}

/** A request to claim whatever waits in some lists. */
export interface InboxRequest extends Omit<LeaseRequest, 'id' | 'slot'> {
  /** The lists, the most important first. */
  readonly lists: readonly string[];
  /** Most parts to claim. */
  readonly max: number;
  /** Waits so long for work, milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** A claimed part, with the view of its work. */
export interface ClaimedWork {
  readonly held: HeldPart;
  /** The view as the list had it; absent for a repeat of the request. */
  readonly work?: Candidate;
}

/** Attempts of one request before it waits: others may take what it chose. */
const MAX_ATTEMPTS = 50;

/** The inboxes of an application: claims of whatever waits, by rank, then by age, spread over the head of a list. */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #lists = new Map<string, Candidates>();
  /** Attempts to claim, and those that succeeded, since the start. */
  attempts = 0;
  claims = 0;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Waits until something stands in one of the lists, or the time is over. */
  async wait(lists: readonly string[], ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race(lists.map((list) => this.#of(list).news(ms, either)));
    over.abort();
  }

  /**
   * Claims up to `max` parts; none when nothing came in time. A repeat under the same `commitId` gets what the first
   * request got, if that had a limit.
   * @throws IdempotencyKeyReusedError for another request under the `commitId`, AtLimitError, and refusals of the claims that are not about the work, when nothing was claimed
   */
  async claim(request: InboxRequest, { commitId: key, ...options }: CommandOptions): Promise<ClaimedWork[]> {
    const { limit, waitMs, lists, signal } = request;
    const commitId =
      key === undefined ? undefined : `claim-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;
    if (commitId !== undefined && limit !== undefined) {
      const claimed = await this.#claimAgain(request, { ...options, commitId });
      if (claimed.length > 0) return claimed;
    }
    const end = performance.now() + waitMs;
    const without = new Set<string>();
    for (let looks = 0; ; looks++) {
      const claimed = await this.#claimNow(request, { ...options, commitId }, without);
      const left = end - performance.now();
      if (claimed.length > 0 || left <= 0 || signal.aborted) return claimed;
      // Nothing waits: a lease that is over may be what is missing.
      if (looks === 0) await this.#options.leases.sweep(Math.floor(Math.random() * 1e6));
      await this.wait(lists, left, signal);
    }
  }

  /** What an earlier request claimed under the id. A claim that it could not finish is finished. */
  async #claimAgain(
    { lists: _, max: __, ...request }: InboxRequest,
    options: CommandOptions & { readonly commitId: string },
  ): Promise<ClaimedWork[]> {
    const claimed: ClaimedWork[] = [];
    for (const { id, slot } of await this.#options.leases.placesUnder(request.workerId, options.commitId)) {
      try {
        claimed.push({ held: await this.#options.leases.take({ ...request, id, slot }, options) });
      } catch (error) {
        if (!(error instanceof TakenError)) throw error; // nobody is to work on it any longer
      }
    }
    return claimed;
  }

  /** @param without keys that this request cannot have; it grows */
  async #claimNow(
    { lists, max, ...request }: InboxRequest,
    options: CommandOptions,
    without: Set<string>,
  ): Promise<ClaimedWork[]> {
    const claimed: ClaimedWork[] = [];
    let refusal: unknown;
    let attempts = 0;
    for (const list of lists) {
      const candidates = this.#of(list);
      while (claimed.length < max && attempts++ < MAX_ATTEMPTS) {
        const work = await candidates.next(without);
        if (!work) break;
        try {
          this.attempts += 1;
          claimed.push({ held: await this.#options.leases.take({ ...request, id: work.key }, options), work });
          this.claims += 1;
        } catch (error) {
          if (!(error instanceof TakenError)) {
            candidates.giveBack(work);
            without.add(work.key);
          }
          if (error instanceof AtLimitError && claimed.length > 0) return claimed;
          if (error instanceof AtLimitError || !isRefusal(error)) throw error;
          if (error.code !== 'COMMAND_REJECTED' && error.code !== 'NOT_FOUND') refusal = error;
        }
      }
    }
    if (claimed.length === 0 && refusal !== undefined) throw refusal;
    return claimed;
  }

  #of(list: string): Candidates {
    const known = this.#lists.get(list);
    if (known) return known;
    const { read, longestPauseMs } = this.#options;
    const made = new Candidates(list, read, longestPauseMs);
    const [oldest] = this.#lists.keys();
    if (this.#lists.size >= MAX_LISTS && oldest !== undefined) this.#lists.delete(oldest);
    this.#lists.set(list, made);
    return made;
  }
}

/** Most lists whose heads are kept in memory. */
const MAX_LISTS = 10_000;

/** Whether a claim was refused; other errors may pass. */
const isRefusal = (error: unknown): error is AnnalsError =>
  error instanceof AnnalsError && !['UNAVAILABLE', 'CONCURRENCY_CONFLICT', 'CORRUPT_DATA'].includes(error.code);
