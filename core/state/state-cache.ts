import { heapSizeOf } from '../base/heap-size.ts';
import type { Fold, Folded } from './fold.ts';

/** The cached state of a stream. */
export interface Known<State> extends Folded<State> {
  /** The commit ids of callers in it; undefined when some are unknown. */
  readonly commitIds: Set<string> | undefined;
}

/** Most memory of the states that a process keeps, by estimate, with the commit ids in them. */
export const DEFAULT_CACHE_BYTES = 32 * 1024 * 1024;
/** What an entry takes besides its state and its ids. */
const OVERHEAD_BYTES = 256;

/** Folded states in memory, least recently used first out. */
export class StateCache {
  readonly #maxBytes: number;
  // biome-ignore lint/suspicious/noExplicitAny: states of many folds; each is under its fold's own name
  readonly #entries = new Map<string, { readonly known: Known<any>; readonly bytes: number }>();
  #bytes = 0;

  /** @param maxBytes of states and commit ids, together, by the estimate of {@link heapSizeOf}; 0 keeps none */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get<State>(fold: Fold<State>, stream: string): Known<State> | undefined {
    const key = keyOf(fold, stream);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // A map keeps the order of insertion: this entry is now the newest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.known;
  }

  /** Remembers a state, unless a newer one is known. */
  set<State>(fold: Fold<State>, stream: string, known: Known<State>): void {
    const key = keyOf(fold, stream);
    if ((this.#entries.get(key)?.known.version ?? 0) > known.version) return;
    this.#remove(key);
    if (this.#maxBytes === 0) return;
    const bytes = OVERHEAD_BYTES + 2 * key.length + heapSizeOf(known.state) + heapSizeOf(known.commitIds);
    this.#entries.set(key, { known, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

const keyOf = <State>(fold: Fold<State>, stream: string): string => `${fold.name} ${stream}`;
