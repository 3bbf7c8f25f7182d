import { createHash } from 'node:crypto';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, commitJson } from '../store/commit.ts';

/** A digest of a commit as it is stored, the same for the store and for the log, however each compresses it. */
export function digestOf(commit: Commit): Buffer {
  const { stream, version, count, commitId, keyed, recordedAt, types } = commit;
  const header = JSON.stringify([stream, version, count, commitId, keyed, recordedAt, types.toSorted()]);
  return createHash('sha256').update(header).update(contentOf(commit)).digest();
}

/** The events as JSON; what cannot be unpacked counts as the bytes that it is, and so does a claim. */
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
 * Sums of digests, a bucket for each of 1,024 shares of the streams: two sets of commits are the same when their sums are,
 * in whatever order they came, and a bucket says where to look when they are not. Takes 16 KB for any history.
 */
export class CommitSums {
  readonly #words = new BigUint64Array(BUCKETS * WORDS);

  /** @param encoded what {@link encode} gave */
  constructor(encoded?: string) {
    if (encoded) new Uint8Array(this.#words.buffer).set(Buffer.from(encoded, 'base64'));
  }

  add(stream: string, { words }: DigestSum): void {
    const start = bucketOf(stream) * WORDS;
    for (const [word, value] of words.entries()) this.#words[start + word] = (this.#words[start + word] ?? 0n) + value;
  }

  /** The buckets in which the two are not the same. */
  differing(other: CommitSums): ReadonlySet<number> {
    const buckets = new Set<number>();
    for (const [index, word] of this.#words.entries()) {
      if (word !== other.#words[index]) buckets.add(Math.floor(index / WORDS));
    }
    return buckets;
  }

  encode(): string {
    return Buffer.from(this.#words.buffer).toString('base64');
  }
}

/** The bucket of a stream's commits, or of a view. */
export const bucketOf = (name: string): number => createHash('sha256').update(name).digest().readUInt32LE(0) % BUCKETS;
