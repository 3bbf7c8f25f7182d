import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

/** Random bytes are fetched many at once: a call into the operating system for each costs ten times the rest of an id. */
const pool = new Uint8Array(4_096);
let used = pool.length;

const randomFraction = (): number => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return (pool[used++] ?? 0) / 256;
};

/** Makes ULIDs, each greater than the one before, also within a millisecond. */
export const ulids = (): (() => string) => monotonicFactory(randomFraction);
