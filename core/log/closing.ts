import { UnavailableError } from '../base/errors.ts';
import type { LogPage } from './page.ts';
import type { LogLayout } from './partition.ts';

/**
 * The log cannot change to the layout of the configuration. Partitions can be divided further, but not joined: joined
 * partitions would lose the order of a stream's events.
 */
export class PartitionStrategyError extends UnavailableError {
  override get name(): string {
    return 'PartitionStrategyError';
  }
  constructor({ strategy, partitions }: LogLayout) {
    super(
      strategy === 'sharded'
        ? `the log is sharded into ${partitions.length} partitions, which cannot be undone: set partition_strategy back to sharded with ${partitions.length} log_shards or more and start again`
        : 'the log is divided by aggregate type, which cannot be undone: set partition_strategy back to by_aggregate_type, or to sharded, and start again',
    );
  }
}

/**
 * Checks that a log may change its layout.
 * @throws PartitionStrategyError when it may not
 */
export function assertMayBecome(current: LogLayout, wanted: LogLayout): void {
  const isFurther =
    wanted.strategy === 'sharded'
      ? current.strategy !== 'sharded' || wanted.partitions.length >= current.partitions.length
      : current.strategy === 'single' || current.strategy === wanted.strategy;
  if (!isFurther) throw new PartitionStrategyError(current);
}

/** Whether two layouts are the same. A log by aggregate type stays the same when the application adds types. */
export const isSameLayout = (one: LogLayout, other: LogLayout): boolean =>
  one.strategy === other.strategy && (one.strategy !== 'sharded' || one.partitions.length === other.partitions.length);

/**
 * Whether a page closes its chain. A change of the layout closes every chain of the old layout. A writer with the old
 * layout meets the closing page before it can put another page.
 */
export const isClosing = ({ count }: Pick<LogPage, 'count'>): boolean => count === 0;

/** The body of a page that closes a chain: no commits. */
export const NO_COMMITS = { commits: [], body: Uint8Array.of(0) } as const;
