import { PayloadTooLargeError } from './errors.ts';
import type { StoredView } from './projection.ts';

/** Most bytes of a view as JSON: under DynamoDB's 400 KB per item, with room for keys and attribute names. */
export const MAX_VIEW_BYTES = 380 * 1024;

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
   * @throws PayloadTooLargeError over {@link MAX_VIEW_BYTES}
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

/** A view as JSON, for adapters to store. @throws PayloadTooLargeError over {@link MAX_VIEW_BYTES} */
export function encodeView({ projection, key, view }: StoredView): string | undefined {
  if (view === undefined) return undefined;
  const json = JSON.stringify(view);
  const bytes = Buffer.byteLength(json);
  if (bytes <= MAX_VIEW_BYTES) return json;
  throw new PayloadTooLargeError(`view ${key} of ${projection} takes ${bytes} bytes, the limit is ${MAX_VIEW_BYTES}`);
}
