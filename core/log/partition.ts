import { aggregateTypes } from '../../events/catalogue.ts';
import { parseStreamId } from '../base/stream-id.ts';

/**
 * How the log is divided. `single`: one chain, one order for all events. `by_aggregate_type`: a chain for each aggregate
 * type, each in an order of its own, for more appends than one chain can take.
 */
export type PartitionStrategy = 'single' | 'by_aggregate_type';

/** The partition of a log that has only one. A divided log has there what was logged before it was divided. */
export const WHOLE = 'all';

/** The partitions of a divided log besides {@link WHOLE}. */
export const typePartitions = (): readonly string[] => aggregateTypes;

/** The partition that a stream's events go to. All of a stream is in one. */
export function partitionOf(strategy: PartitionStrategy, stream: string): string {
  return strategy === 'single' ? WHOLE : parseStreamId(stream).aggregateType;
}

/** The partitions in which events of an aggregate type, or of any, can be. What was logged before the log was divided is still in the one. */
export function partitionsOf(strategy: PartitionStrategy, aggregateType?: string): readonly string[] {
  if (strategy === 'single') return [WHOLE];
  return [WHOLE, ...(aggregateType === undefined ? typePartitions() : [aggregateType])];
}
