import type { ListedEntry, ViewStore } from '../projections/view-store.ts';

/** Work that waits in a list. */
export interface Candidate {
  /** The id of the aggregate. */
  readonly key: string;
  readonly version: number;
  readonly view: object;
  /** False when large members lie aside: read the view itself for them. */
  readonly isWhole: boolean;
}

/** Reads a list of a projection's views, in its live generation. */
export type ReadList = (list: string, after: string | undefined) => ReturnType<ViewStore['listed']>;

/** Waiting work of equal rank among which claims choose at random: claimants of several processes rarely meet. */
const SPREAD = 32;
/** How long the head of a list serves claims before it is read again, milliseconds: new urgent work comes first then. */
const FRESH_MS = 100;
/** Pages that one read looks through for work that is not in other hands. */
const MAX_PAGES = 20;
/** Pause between two looks at an empty list, milliseconds: it grows from the first to the longest. */
const FIRST_PAUSE_MS = 20;
/** The pause while the list has more than claims choose from. */
const FULL_PAUSE_MS = 2;
/** Most keys that are remembered as being in other hands. */
const MAX_PASSED = 10_000;

/**
 * The head of an inbox, for all claimants of a process. They share its reads, and get different work: so they meet only
 * claimants of other processes. Waiting claimants share one look as well, and are woken in the order of their coming.
 */
export class Candidates {
  readonly #read: () => Promise<ListedEntry[]>;
  readonly #longestPauseMs: number;
  #entries: ListedEntry[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** What was given out, by key: the version of the view then. It is given out again when its view has moved on. */
  readonly #passed = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #looking = false;

  constructor(list: string, read: ReadList, longestPauseMs: number) {
    this.#read = () => this.#head(list, read);
    this.#longestPauseMs = longestPauseMs;
  }

  /**
   * Work for a claim; undefined without any.
   * @param without keys that the claimant cannot have
   */
  async next(without: ReadonlySet<string>): Promise<Candidate | undefined> {
    await this.#refresh();
    const open = this.#entries.filter(({ view: { key } }) => !without.has(key)).slice(0, SPREAD);
    const rank = rankOf(open[0]);
    const equal = open.filter((entry) => rankOf(entry) === rank);
    const chosen = equal[Math.floor(Math.random() * equal.length)];
    if (!chosen) return undefined;
    this.#entries.splice(this.#entries.indexOf(chosen), 1);
    const { key, version, view = {}, aside } = chosen.view;
    this.#pass(key, version);
    return { key, version, view, isWhole: aside === undefined };
  }

  /** Gives work back that the claimant could not have, but others may. */
  giveBack({ key }: Candidate): void {
    this.#passed.delete(key);
  }

  /** Waits until there is work, for `ms` milliseconds at most, or until the signal. Never throws. */
  news(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      void this.#look();
    });
  }

  /** One look after the other as long as anyone waits. */
  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    for (let pause = FIRST_PAUSE_MS; this.#waiting.size > 0; pause = Math.min(pause * 1.5, this.#longestPauseMs)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      this.#readAt = Number.NEGATIVE_INFINITY;
      await this.#refresh().catch(() => {}); // the claims that are woken next meet the error themselves
      if (this.#entries.length >= SPREAD) pause = FULL_PAUSE_MS; // much is to be given out
      for (const wake of [...this.#waiting].slice(0, this.#entries.length)) wake();
    }
    this.#looking = false;
  }

  async #refresh(): Promise<void> {
    const isFresh = performance.now() - this.#readAt < FRESH_MS;
    if (isFresh && (this.#entries.length > 0 || this.#waiting.size > 0)) return;
    this.#reading ??= this.#read()
      .then((entries) => {
        this.#entries = entries;
        this.#readAt = performance.now();
      })
      .finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
  }

  async #head(list: string, read: ReadList): Promise<ListedEntry[]> {
    const found: ListedEntry[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const { listed, next } = await read(list, after);
      found.push(...listed.filter(({ view: { key, version } }) => version > (this.#passed.get(key) ?? 0)));
      if (found.length >= SPREAD || next === undefined) break;
      after = next;
    }
    return found;
  }

  #pass(key: string, version: number): void {
    this.#passed.delete(key);
    this.#passed.set(key, version);
    const [oldest] = this.#passed.keys();
    if (this.#passed.size > MAX_PASSED && oldest !== undefined) this.#passed.delete(oldest);
  }
}

/** What stands before the first `~` of an order: claims do not choose among different ranks. */
const rankOf = (entry: ListedEntry | undefined): string | undefined => entry?.order.split('~')[0];
