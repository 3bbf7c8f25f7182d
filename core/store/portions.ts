import { storedBytesOf } from './claim-check.ts';
import type { Commit } from './commit.ts';

/** Most stored bytes of the commits that one reader holds at once; a single commit may be larger. */
export const PORTION_BYTES = 1024 * 1024;

/**
 * Commits as they are stored, in portions to bring to memory one after the other: runs of 1 MB at most, or of one commit. A
 * body that lies in an object counts where it is claimed.
 */
export function* portionsOf<T>(items: readonly T[], commitOf: (item: T) => Commit): Generator<T[]> {
  let portion: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const weight = storedBytesOf(commitOf(item));
    if (portion.length > 0 && bytes + weight > PORTION_BYTES) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(item);
    bytes += weight;
  }
  if (portion.length > 0) yield portion;
}
