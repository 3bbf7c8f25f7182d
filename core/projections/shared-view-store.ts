import type { StreamVersion } from '../base/versions.ts';
import type { Parked } from './parked.ts';
import type { StoredView } from './projection.ts';
import type { Increments } from './shared-projection.ts';

/** A stream's checkpoint in a shared projection, with what is remembered of the stream as its view. */
export interface CheckpointWrite {
  readonly next: StoredView;
  readonly expectedVersion: StreamVersion;
  readonly expectedMark?: Parked | undefined;
}

/** Which views of which generation. */
export interface SharedPlace {
  readonly projection: string;
  readonly generation: number;
}

export interface Addition extends SharedPlace {
  readonly increments: Increments;
  /** Which of a view's items takes them; any will do, since readers add them all up. */
  readonly shard: number;
  /** The counter that views are ranked by. */
  readonly rank?: string | undefined;
}

/** Counters by their paths. */
export type CounterValues = ReadonlyMap<string, number>;

export interface Ranked {
  readonly key: string;
  readonly counters: CounterValues;
}

/** Most checkpoints and views, together, that one call writes: a transaction of DynamoDB has 100 items. */
export const MAX_ITEMS = 100;
/** Most counters of a view that one call adds to: an update expression of DynamoDB has 4 KB. */
export const MAX_COUNTERS = 250;

/** The port to views that many streams add to. Every call throws UnavailableError when the storage cannot be reached. */
export interface SharedViewStore {
  /**
   * Writes checkpoints and adds to views, all of it or nothing: nothing when any checkpoint or mark is not as expected.
   * At most {@link MAX_ITEMS} checkpoints and views, and {@link MAX_COUNTERS} counters of a view.
   * @returns whether it was written
   * @throws PayloadTooLargeError when something grows too large to be stored
   */
  add(checkpoints: readonly CheckpointWrite[], addition: Addition): Promise<boolean>;

  /** The sums of a view over its shards (strongly consistent each), undefined when nothing was added to it. */
  read(place: SharedPlace, key: string, shards: number): Promise<CounterValues | undefined>;

  /** The views that rank highest, in that order. May be a moment behind `read`. */
  top(place: SharedPlace, rank: string, limit: number): Promise<readonly Ranked[]>;

  /** The keys of all views, each once, in no order. For those who compare or remove a generation. */
  keys(place: SharedPlace): AsyncIterable<string>;

  /** Removes all views; not the checkpoints, which are views of the ViewStore. */
  remove(place: SharedPlace): Promise<void>;
}
