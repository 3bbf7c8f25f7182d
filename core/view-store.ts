import type { StoredView } from './projection.ts';

export interface ViewPage {
  readonly views: readonly StoredView[];
  /** Key to continue after; absent when this was the last page. */
  readonly next?: string;
}

/** The port to whatever keeps the views. Every call throws UnavailableError when the storage cannot be reached. */
export interface ViewStore {
  /** The view as last written (strongly consistent). */
  get(projection: string, generation: number, key: string): Promise<StoredView | undefined>;

  /**
   * Writes a view and its checkpoint together, if the stored checkpoint is still `expectedVersion` (0 = no view yet).
   * @returns whether it was written
   */
  put(view: StoredView, expectedVersion: number): Promise<boolean>;

  /** The views of one group in the order of their keys. A list may be a moment behind `get`. */
  list(
    projection: string,
    generation: number,
    group: string,
    options: { limit: number; after?: string | undefined },
  ): Promise<ViewPage>;
}
