import { hash } from 'node:crypto';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue } from '../events/catalogue.ts';

/**
 * How the log is divided. `single`: one chain, one order for all events. `by_aggregate_type`: a chain for each aggregate
 * type. `sharded`: so many chains, each stream in one of them by its hash. Each chain has an order of its own.
 */
export type PartitionStrategy = 'single' | 'by_aggregate_type' | 'sharded';

/** What a configuration says of partitions. */
export interface Partitioning {
  readonly strategy: PartitionStrategy;
  /** Number of partitions of a sharded log; 8 when absent. */
  readonly shards?: number | undefined;
}

/** The partitions that the log has, or had up to some moment. */
export interface LogLayout {
  readonly strategy: PartitionStrategy;
  readonly partitions: readonly string[];
}

const DEFAULT_SHARDS = 8;

/** The partition of a log that has only one. A divided log has there what was logged before it was divided. */
export const WHOLE = 'all';

/** Names such as `3of8`: no aggregate type begins with a digit. */
const shardPartitions = (shards: number): string[] =>
  Array.from({ length: shards }, (_, index) => `${index + 1}of${shards}`);

/** The layout of a log with events of these aggregate types. */
export function layoutOf(
  { strategy, shards = DEFAULT_SHARDS }: Partitioning,
  { aggregateTypes }: Pick<Catalogue, 'aggregateTypes'>,
): LogLayout {
  if (strategy === 'single') return { strategy, partitions: [WHOLE] };
  return { strategy, partitions: strategy === 'sharded' ? shardPartitions(shards) : aggregateTypes };
}

/** The partition that a stream's events go to. All of a stream is in one, as long as the layout stays. */
export function partitionOf({ strategy, partitions }: LogLayout, stream: string): string {
  if (strategy === 'by_aggregate_type') return parseStreamId(stream).aggregateType;
  if (strategy === 'single') return WHOLE;
  const shard = hash('sha256', stream, 'buffer').readUInt32BE(0) % partitions.length;
  return partitions[shard] ?? WHOLE;
}

/** The partitions of a layout in which events of an aggregate type, or of any, can be. */
export function partitionsWith({ strategy, partitions }: LogLayout, aggregateType?: string): readonly string[] {
  return strategy === 'by_aggregate_type' && aggregateType !== undefined ? [aggregateType] : partitions;
}
