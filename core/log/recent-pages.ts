import { type Commit, jsonBytesOf } from '../store/commit.ts';
import type { LogPage } from './page.ts';

/** Most bytes of all kept commits. The newest page is always kept. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Bytes of a commit besides its body and its events. */
const OVERHEAD_BYTES = 1_024;
/** Bytes in memory for each byte of the events' JSON, with the body. An estimate. */
const BYTES_A_BYTE = 3;

interface Kept {
  readonly page: LogPage;
  readonly commits: readonly Commit[];
  readonly bytes: number;
}

/**
 * The commits of pages that this process put recently, for readers that follow the log in the same process. These
 * readers need not parse the page, and they share decoded events. Keeps 8 MB at most.
 */
export class RecentPages {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  /** Keeps a page until newer pages need its room. Keep a page before the put, because the put wakes readers. */
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

  /** The commits of a page; undefined when no page with the same bytes is kept. */
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
