import type { StreamVersion } from '../base/versions.ts';
import type { PageOptions } from '../projections/view-store.ts';

/** The version of a view in a generation. */
export interface ViewCheckpoint {
  readonly key: string;
  readonly version: StreamVersion;
}

/** A page of checkpoints. */
export interface CheckpointPage {
  readonly checkpoints: readonly ViewCheckpoint[];
  /** Key to continue after; absent when this was the last page. */
  readonly next?: string;
}

/**
 * The port to all views of a generation, for comparing or removing the generation. Every call throws UnavailableError
 * when the storage cannot be reached.
 */
export interface GenerationStore {
  /**
   * The checkpoints of a group in the order of their keys. The group '' has the views without events of the projection.
   * May be a moment behind the last write. A page may have fewer items than its limit.
   */
  checkpoints(projection: string, generation: number, group: string, options: PageOptions): Promise<CheckpointPage>;

  /** The last written versions of up to 100 keys (strongly consistent). A key without a view is absent. */
  versions(projection: string, generation: number, keys: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** Removes the views of up to 100 keys, whatever their versions. */
  remove(projection: string, generation: number, keys: readonly string[]): Promise<void>;
}
