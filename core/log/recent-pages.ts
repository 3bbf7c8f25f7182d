import { type Commit, jsonBytesOf } from '../store/commit.ts';
import type { LogPage } from './page.ts';

/** Most bytes of commits that are kept, together; the newest page is kept whatever it takes. */
const MAX_BYTES = 8 * 1024 * 1024;
/** What a commit takes besides its body and its events. */
const OVERHEAD_BYTES = 1_024;
/** What the events of a commit take in memory for each byte of their JSON, with the body. An estimate. */
const BYTES_A_BYTE = 3;

interface Kept {
  readonly page: LogPage;
  readonly commits: readonly Commit[];
  readonly bytes: number;
}

/**
 * The commits of pages that this process put a moment ago, for the readers that follow the log in the same process: they
 * need not take the page apart, and they share events that are decoded already.
 */
export class RecentPages {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** Keeps a page until newer ones take its room. Keep it before it is put: readers are woken by the put. */
  keep(page: LogPage, commits: readonly Commit[]): void {
    this.#forget(keyOf(page));
    const bytes = commits.reduce((sum, commit) => sum + OVERHEAD_BYTES + BYTES_A_BYTE * jsonBytesOf(commit), 0);
    this.#kept.set(keyOf(page), { page, commits, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MAX_BYTES || this.#kept.size === 1) break;
      this.#forget(oldest);
    }
  }

  /** The commits of a page as it was read; undefined when that page, byte for byte, is not kept. */
  commitsOf(page: LogPage): readonly Commit[] | undefined {
    const kept = this.#kept.get(keyOf(page));
    return kept && Buffer.compare(kept.page.body, page.body) === 0 ? kept.commits : undefined;
  }

  #forget(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}

const keyOf = ({ partition, page }: LogPage): string => `${page} ${partition}`;
