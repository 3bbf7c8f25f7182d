import { remaining, withRun } from './page-runs.ts';
import type { Replay, ReplayFailure } from './replay.ts';
import type { PartitionExtent, ReplayRange } from './replay-log.ts';

/** Most failed streams that a replay lists with their reason. */
const MAX_FAILURES = 20;

/** A replay with these extents of the log as its plan. Finished pages stay finished. */
export function withPlan(own: Replay, extents: readonly PartitionExtent[], plannedAt: string): Replay {
  const partitions = { ...own.partitions };
  for (const { partition, from, to } of extents) {
    partitions[partition] = { from, to, done: partitions[partition]?.done ?? [] };
  }
  return { ...own, partitions, plannedAt, total: extents.reduce((sum, { events }) => sum + events, 0) };
}

/** The unread pages of the plan, as ranges of at most `size` pages. */
export function unread({ partitions }: Replay, size: number): ReplayRange[] {
  return Object.entries(partitions).flatMap(([partition, { from, to, done }]) =>
    remaining({ partition, from, to }, done, size),
  );
}

/** A replay after it has read a range with a number of events. */
export function withRange(own: Replay, { partition, from, to }: ReplayRange, events: number): Replay {
  const progress = own.partitions[partition];
  if (!progress) return own;
  const done = withRun(progress.done, [from, to]);
  return { ...own, partitions: { ...own.partitions, [partition]: { ...progress, done } }, events: own.events + events };
}

/** A replay with further failed streams. A stream counts once, as long as it is in the list. */
export function withFailures(own: Replay, failures: readonly ReplayFailure[]): Replay {
  const known = new Set(own.failures.map(({ stream }) => stream));
  const added = failures.filter(({ stream }) => !known.has(stream));
  const kept = [...own.failures, ...added].slice(0, MAX_FAILURES);
  return { ...own, failures: kept, failed: own.failed + added.length };
}

/** A replay without failures, for a resume. After failures it reads all pages again. */
export function withoutFailures({ reason: _, compared, ...own }: Replay): Replay {
  if (own.failed === 0) return compared ? { ...own, compared } : own;
  const unreadPartitions = Object.entries(own.partitions).map(([name, { from, to }]) => [name, { from, to, done: [] }]);
  return { ...own, failures: [], failed: 0, events: 0, partitions: Object.fromEntries(unreadPartitions) };
}
