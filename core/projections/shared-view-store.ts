import type { StreamVersion } from '../base/versions.ts';
import type { ListEntry } from './entries.ts';
import type { Parked } from './parked.ts';
import type { StoredView } from './projection.ts';
import type { Increments } from './shared-projection.ts';

/** A stream's checkpoint in a shared projection. Its view is the memory of the stream. */
export interface CheckpointWrite {
  readonly next: StoredView;
  readonly expectedVersion: StreamVersion;
  readonly expectedMark?: Parked | undefined;
  /** The entries to write with it; those of `next` by default. */
  readonly entries?: readonly ListEntry[] | undefined;
}

/** The place of shared views: a generation of a projection. */
export interface SharedPlace {
  readonly projection: string;
  readonly generation: number;
}

/** Increments for shared views. */
export interface Addition extends SharedPlace {
  readonly increments: Increments;
  /** The item of a view that takes them. Any item is right, because readers add up all items. */
  readonly shard: number;
  /** The counter by which views are ranked. */
  readonly rank?: string | undefined;
}

/** Counters by their paths. */
export type CounterValues = ReadonlyMap<string, number>;

/** A view of a ranking. */
export interface Ranked {
  readonly key: string;
  readonly counters: CounterValues;
}

/** Most checkpoints and views together in one call: a transaction of DynamoDB has 100 items. */
export const MAX_ITEMS = 100;
/** Most counters of a view in one call: an update expression of DynamoDB has 4 KB. */
export const MAX_COUNTERS = 250;

/**
 * The port to views that many streams add to. Every call throws UnavailableError when the storage cannot be reached.
 */
export interface SharedViewStore {
  /**
   * Writes checkpoints and adds to views in one transaction. It writes nothing when a checkpoint or mark is not as
   * expected. At most {@link MAX_ITEMS} checkpoints and views, and {@link MAX_COUNTERS} counters of a view.
   * @returns whether it was written
   * @throws PayloadTooLargeError when a checkpoint or view grows too large to store
   */
  add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean>;

  /** The sums of a view over its shards (each strongly consistent); undefined for a view without additions. */
  read(place: SharedPlace, key: string, shards: number): Promise<CounterValues | undefined>;

  /** The `limit` highest views of a ranking, the highest first. May be a moment behind `read`. */
  top(place: SharedPlace, rank: string, limit: number): Promise<readonly Ranked[]>;

  /** The keys of all views, each once, in no order, for comparing or removing a generation. */
  keys(place: SharedPlace): AsyncIterable<string>;

  /** Removes all views. The checkpoints stay; they are views of the ViewStore. */
  remove(place: SharedPlace): Promise<void>;
}
