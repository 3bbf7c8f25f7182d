import type { Fold, Folded } from './fold.ts';

/** What a process remembers of a stream. */
export interface Known<State> extends Folded<State> {
  /** The ids that callers gave to the commits in it; undefined when not all are known. */
  readonly commitIds: Set<string> | undefined;
}

/** About 10 MB of commit ids at worst, and as many states as these leave room for. */
export const DEFAULT_CACHE_SIZE = 100_000;

/** Folded states in memory; those used longest ago make room for others. */
export class StateCache {
  readonly #maxSize: number;
  // biome-ignore lint/suspicious/noExplicitAny: states of many folds; each is under its fold's own name
  readonly #entries = new Map<string, { readonly known: Known<any>; readonly size: number }>();
  #size = 0;

  /** @param maxSize states and commit ids, together; 0 keeps none */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get<State>(fold: Fold<State>, stream: string): Known<State> | undefined {
    const key = keyOf(fold, stream);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // A map keeps the order in which its entries were set: this one is now the newest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.known;
  }

  /** Remembers a state, unless a newer one is known. */
  set<State>(fold: Fold<State>, stream: string, known: Known<State>): void {
    const key = keyOf(fold, stream);
    if ((this.#entries.get(key)?.known.version ?? 0) > known.version) return;
    this.#remove(key);
    const size = 1 + (known.commitIds?.size ?? 0);
    this.#entries.set(key, { known, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#maxSize) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}

const keyOf = <State>(fold: Fold<State>, stream: string): string => `${fold.name} ${stream}`;
