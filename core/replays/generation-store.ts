import type { StreamVersion } from '../base/versions.ts';
import type { PageOptions } from '../projections/view-store.ts';

/** How far a view of a generation is. */
export interface ViewCheckpoint {
  readonly key: string;
  readonly version: StreamVersion;
}

export interface CheckpointPage {
  readonly checkpoints: readonly ViewCheckpoint[];
  /** Key to continue after; absent when this was the last page. */
  readonly next?: string;
}

/**
 * The port to the views of a whole generation, for those who compare one with another or remove it. Every call throws
 * UnavailableError when the storage cannot be reached.
 */
export interface GenerationStore {
  /**
   * The checkpoints of one group, in the order of their keys; the group '' has the views that no event of the projection
   * came for. May be a moment behind what was written, and a page short of its limit.
   */
  checkpoints(projection: string, generation: number, group: string, options: PageOptions): Promise<CheckpointPage>;

  /** The checkpoints of up to 100 keys as last written (strongly consistent); a key without a view is missing. */
  versions(projection: string, generation: number, keys: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Removes the views of up to 100 keys, whatever their versions. */
  remove(projection: string, generation: number, keys: readonly string[]): Promise<void>;
}
