import { CLAIM_CODEC, type Commit, jsonBytesOf, shareEvents } from './commit.ts';

/** Most bytes of commits that are kept, together; the newest is kept whatever it takes. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What a commit takes besides its body and its events. */
const OVERHEAD_BYTES = 1_024;
/** What the events of a commit take in memory for each byte of their JSON, with the body. An estimate. */
const BYTES_A_BYTE = 3;

interface Kept {
  readonly stored: Commit;
  readonly whole: Promise<Commit>;
  bytes: number;
}

/**
 * Recently delivered commits. Consumers and readers of the same commit get the same object, and so share its events.
 * Two commits are the same when all their stored bytes are.
 */
export class RecentCommits {
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** The commit that is stored like this, whole; undefined when it is not kept. */
  find(stored: Commit): Promise<Commit> | undefined {
    const kept = this.#kept.get(keyOf(stored));
    return kept && isSame(kept.stored, stored) ? kept.whole : undefined;
  }

  /** Keeps a commit, until newer ones take its room. */
  keep(stored: Commit, loading: Promise<Commit>): Promise<Commit> {
    const key = keyOf(stored);
    this.#forget(key);
    const whole = loading.then(shareEvents);
    const kept = { stored, whole, bytes: OVERHEAD_BYTES };
    this.#kept.set(key, kept);
    this.#bytes += kept.bytes;
    whole.then(
      (commit) => this.#weigh(key, kept, commit),
      () => this.#forget(key, kept),
    );
    return whole;
  }

  #weigh(key: string, kept: Kept, whole: Commit): void {
    if (this.#kept.get(key) !== kept) return;
    if (whole.body[0] === CLAIM_CODEC) {
      this.#forget(key); // its body may be there the next time
      return;
    }
    const bytes = BYTES_A_BYTE * jsonBytesOf(whole);
    kept.bytes += bytes;
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes || this.#kept.size === 1) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string, kept = this.#kept.get(key)): void {
    if (!kept || this.#kept.get(key) !== kept) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }
}

const keyOf = ({ stream, version }: Commit): string => `${version} ${stream}`;

const isSame = (one: Commit, other: Commit): boolean =>
  one.commitId === other.commitId &&
  one.recordedAt === other.recordedAt &&
  one.count === other.count &&
  one.keyed === other.keyed &&
  one.trace === other.trace &&
  one.digest === other.digest &&
  one.transaction?.id === other.transaction?.id &&
  Buffer.compare(one.body, other.body) === 0;
