import type { CommitRange } from './commit-storage.ts';

export interface ReadOptions {
  /** First sequence number to read, in the direction: default 1, backward the head. */
  readonly from?: number | undefined;
  /** Last one, included: default the head, backward 1. */
  readonly to?: number | undefined;
  readonly direction?: 'forward' | 'backward' | undefined;
  /** A commit starts at `from`; saves the adapter a read. */
  readonly startsCommit?: boolean | undefined;
}

/** The range of commits for the options of a read. */
export function rangeOf(options: ReadOptions & { limit?: number }): CommitRange {
  const { from, to, direction = 'forward', limit, startsCommit = false } = options;
  const end = Number.MAX_SAFE_INTEGER;
  const range = direction === 'forward' ? { from: from ?? 1, to: to ?? end } : { from: from ?? end, to: to ?? 1 };
  return { ...range, direction, startsCommit, ...(limit === undefined ? {} : { limit }) };
}

/** The first and the last sequence number of a range, in ascending order. */
export function bounds({ from, to, direction }: CommitRange): { low: number; high: number } {
  return direction === 'forward' ? { low: from, high: to } : { low: to, high: from };
}
