import { UnavailableError } from '../base/errors.ts';
import type { LogPage } from './page.ts';
import { type PartitionStrategy, typePartitions, WHOLE } from './partition.ts';
import type { LogStorage } from './storage.ts';

/**
 * The log was divided by aggregate type and cannot be made one chain again: events of the one chain would then come before
 * others of the same stream that were logged earlier.
 */
export class PartitionStrategyError extends UnavailableError {
  constructor() {
    super(
      'the log is divided by aggregate type, which cannot be undone: set partition_strategy back to by_aggregate_type and start again',
    );
  }
}

/**
 * Whether a page closes its chain. The chain of the whole log is closed when the log is divided: the page remembers the
 * strategy, and no writer that still has the other strategy can put a page after it unseen.
 */
export const isClosing = ({ count }: Pick<LogPage, 'count'>): boolean => count === 0;

/** The body of a page that closes a chain: no commits. */
export const NO_COMMITS = { commits: [], body: Uint8Array.of(0) } as const;

/**
 * Checks that a log can be written and read with a strategy.
 * @throws PartitionStrategyError when it was divided and is to be one chain again
 */
export async function assertStrategy(storage: LogStorage, strategy: PartitionStrategy): Promise<void> {
  if (strategy !== 'single') return;
  const last = await storage.last(WHOLE);
  if (last && isClosing(last)) throw new PartitionStrategyError();
  const marks = await storage.marks([WHOLE]);
  if (marks.has(WHOLE)) return;
  // An earlier version may have divided the log, without closing the one chain.
  const divided = await Promise.all(typePartitions().map((partition) => storage.last(partition)));
  if (divided.some((page) => page !== undefined)) throw new PartitionStrategyError();
}
