import type { ReplayRange } from './replay-log.ts';

/** Consecutive pages, both ends included. */
export type PageRun = readonly [from: number, to: number];

/** Runs with another run, in order, and joined where they meet or overlap. */
export function withRun(runs: readonly PageRun[], added: PageRun): [number, number][] {
  const joined: [number, number][] = [];
  for (const [from, to] of [...runs, added].toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** The pages of a range that are in no run, as ranges of at most `size` pages. */
export function remaining({ partition, from, to }: ReplayRange, runs: readonly PageRun[], size: number): ReplayRange[] {
  const left: ReplayRange[] = [];
  const add = (first: number, last: number) => {
    for (let start = first; start <= last; start += size) {
      left.push({ partition, from: start, to: Math.min(start + size - 1, last) });
    }
  };
  let next = from;
  for (const [first, last] of runs) {
    add(next, Math.min(first - 1, to));
    next = Math.max(next, last + 1);
  }
  add(next, to);
  return left;
}
