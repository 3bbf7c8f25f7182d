import { UnavailableError } from '../base/errors.ts';
import type { LogPage } from './page.ts';
import type { LogLayout } from './partition.ts';

/**
 * The log has a layout that cannot become the one that the configuration asks for: partitions can be divided further, and
 * not joined. Events of a stream would then come before others of it that were logged earlier.
 */
export class PartitionStrategyError extends UnavailableError {
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

/** Whether two layouts are the same. The types of a log that is divided by them become more with the application. */
export const isSameLayout = (one: LogLayout, other: LogLayout): boolean =>
  one.strategy === other.strategy && (one.strategy !== 'sharded' || one.partitions.length === other.partitions.length);

/**
 * Whether a page closes its chain. Every chain of a layout is closed when the layout changes: no writer that still has the
 * old one can put a page after it unseen.
 */
export const isClosing = ({ count }: Pick<LogPage, 'count'>): boolean => count === 0;

/** The body of a page that closes a chain: no commits. */
export const NO_COMMITS = { commits: [], body: Uint8Array.of(0) } as const;
