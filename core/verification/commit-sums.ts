import { createHash } from 'node:crypto';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, commitJson } from '../store/commit.ts';

/** A digest of a stored commit. It is the same in the store and in the log, which compress commits differently. */
export function digestOf(commit: Commit): Buffer {
  const { stream, version, count, commitId, keyed, recordedAt, types, transaction } = commit;
  const facts = [stream, version, count, commitId, keyed, recordedAt, types.toSorted()];
  // The digest of a commit without a transaction stays as it was, for sums that were kept.
  const header = JSON.stringify(transaction ? [...facts, transaction.id, transaction.size] : facts);
  return createHash('sha256').update(header).update(contentOf(commit)).digest();
}

/** The events as JSON. For a claim, or a body that cannot be unpacked, the stored bytes. */
function contentOf(commit: Commit): Uint8Array {
  try {
    return commitJson(commit);
  } catch (error) {
    if (error instanceof CorruptDataError) return commit.body;
    throw error;
  }
}

/** Shares of streams or views. */
export const BUCKETS = 1024;
const WORDS = 2;

/** A sum of digests. Sums wrap around at 64 bits a word. */
export class DigestSum {
  readonly words = new BigUint64Array(WORDS);

  add(digest: Buffer): void {
    for (let word = 0; word < WORDS; word++)
      this.words[word] = (this.words[word] ?? 0n) + digest.readBigUInt64LE(word * 8);
  }
}

/**
 * Sums of digests, a bucket for each of 1,024 shares of the streams. Two sets of commits are equal when their sums are
 * equal, in any order. A bucket that differs shows where to search. Takes 16 KB for any history.
 */
export class CommitSums {
  readonly #words = new BigUint64Array(BUCKETS * WORDS);

  /** @param encoded the result of {@link encode}; empty sums when absent */
  constructor(encoded?: string) {
    if (encoded) new Uint8Array(this.#words.buffer).set(Buffer.from(encoded, 'base64'));
  }

  /** Adds the sum of a stream's commits. */
  add(stream: string, { words }: DigestSum): void {
    const start = bucketOf(stream) * WORDS;
    for (const [word, value] of words.entries()) this.#words[start + word] = (this.#words[start + word] ?? 0n) + value;
  }

  /** The buckets with different sums. */
  differing(other: CommitSums): ReadonlySet<number> {
    const buckets = new Set<number>();
    for (const [index, word] of this.#words.entries()) {
      if (word !== other.#words[index]) buckets.add(Math.floor(index / WORDS));
    }
    return buckets;
  }

  /** The sums as text, for the constructor. */
  encode(): string {
    return Buffer.from(this.#words.buffer).toString('base64');
  }
}

/** The bucket of a stream's commits, or of a view. */
export const bucketOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32LE(0) % BUCKETS;
