import { hash } from 'node:crypto';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue } from '../events/catalogue.ts';

/**
 * The division of the log. `single`: one chain, one order for all events. `by_aggregate_type`: a chain for each
 * aggregate type. `sharded`: a fixed number of chains; a hash assigns each stream to a chain. Each chain has its own
 * order.
 */
export type PartitionStrategy = 'single' | 'by_aggregate_type' | 'sharded';

/** The partitions in a configuration. */
export interface Partitioning {
  readonly strategy: PartitionStrategy;
  /** Number of partitions of a sharded log; 8 when absent. */
  readonly shards?: number | undefined;
}

/** The partitions of the log, at present or up to an earlier moment. */
export interface LogLayout {
  readonly strategy: PartitionStrategy;
  readonly partitions: readonly string[];
}

const DEFAULT_SHARDS = 8;

/** The partition of an undivided log. A divided log has there the events from before the division. */
export const WHOLE = 'all';

/** Names such as `3of8`: no aggregate type begins with a digit. */
const shardPartitions = (shards: number): string[] =>
  Array.from({ length: shards }, (_, index) => `${index + 1}of${shards}`);

/** The partition of the streams that no module declares, in a log by aggregate type: no aggregate type begins with a digit. */
export const OPEN = '0open';

/** The layout of a log with events of these aggregate types. */
export function layoutOf(
  { strategy, shards = DEFAULT_SHARDS }: Partitioning,
  { aggregateTypes }: Pick<Catalogue, 'aggregateTypes'>,
): LogLayout {
  if (strategy === 'single') return { strategy, partitions: [WHOLE] };
  return { strategy, partitions: strategy === 'sharded' ? shardPartitions(shards) : [...aggregateTypes, OPEN] };
}

/** The partition of a stream's events. One partition has all events of a stream, as long as the layout stays. */
export function partitionOf({ strategy, partitions }: LogLayout, stream: string): string {
  if (strategy === 'by_aggregate_type') return homeOf(parseStreamId(stream).aggregateType, partitions);
  if (strategy === 'single') return WHOLE;
  const shard = hash('sha256', stream, 'buffer').readUInt32BE(0) % partitions.length;
  return partitions[shard] ?? WHOLE;
}

/** The partitions of a layout that can have events of an aggregate type, or of any type when absent. */
export function partitionsWith({ strategy, partitions }: LogLayout, aggregateType?: string): readonly string[] {
  return strategy === 'by_aggregate_type' && aggregateType !== undefined
    ? [homeOf(aggregateType, partitions)]
    : partitions;
}

const homeOf = (aggregateType: string, partitions: readonly string[]): string =>
  partitions.includes(aggregateType) ? aggregateType : OPEN;
