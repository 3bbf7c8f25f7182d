import * as z from 'zod';
import { PayloadTooLargeError } from '../base/errors.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { JsonObject } from '../events/json.ts';
import type { ListEntry } from './entries.ts';
import type { Parked } from './parked.ts';
import { type StoredView, viewClaim } from './projection.ts';

/** Most bytes of a view with its entries as JSON: under DynamoDB's 400 KB per item, with room for keys and attribute names. */
export const MAX_VIEW_BYTES = 380 * 1024;

/** A page of a list. */
export interface PageOptions {
  readonly limit: number;
  /** Key to continue after. */
  readonly after?: string | undefined;
  /** Leaves out what lies aside, for readers of keys and versions: large members are then missing. */
  readonly withoutAside?: boolean | undefined;
}

/** A page of views. */
export interface ViewPage {
  readonly views: readonly StoredView[];
  /** Key to continue after; absent on the last page. */
  readonly next?: string;
}

/** A view in a list, with its order there. */
export interface ListedEntry {
  readonly order: string;
  readonly view: StoredView;
}

/** A page of a list of entries. */
export interface EntryPage {
  readonly listed: readonly ListedEntry[];
  /** Place to continue after; absent on the last page. */
  readonly next?: string;
}

/** A stream that waits as a dead letter: the key and version of its checkpoint, and its mark. */
export type ParkedView = Pick<StoredView, 'key' | 'version'> & { readonly parked: Parked };

/** A page of parked streams. */
export interface ParkedPage {
  readonly views: readonly ParkedView[];
  readonly next?: string;
}

/** The port to the storage of views. Every call throws UnavailableError when the storage cannot be reached. */
export interface ViewStore {
  /** The last written view (strongly consistent). */
  get(projection: string, generation: number, key: string): Promise<StoredView | undefined>;

  /**
   * Writes a view, its checkpoint and its mark together, if the stored checkpoint is still `expectedVersion` (0: no
   * view) and its mark still `expectedMark` (undefined: not parked).
   * @param view the view to write, with the entries of its read
   * @param entries the entries to write with it, sorted by list; by default those of the read stay
   * @returns whether it was written
   * @throws PayloadTooLargeError over {@link MAX_VIEW_BYTES}
   */
  put(
    view: StoredView,
    expectedVersion: StreamVersion,
    expectedMark?: Parked,
    entries?: readonly ListEntry[],
  ): Promise<boolean>;

  /** The views of one group in the order of their keys. A list may be a moment behind `get`. */
  list(projection: string, generation: number, group: string, options: PageOptions): Promise<ViewPage>;

  /**
   * The views that stand in a list, sorted by their order there, then by key. `after` is the `next` of a page, or an
   * order to begin at. May be a moment behind `get`: a view that has just moved may be missing. A page may have fewer
   * views than its limit, or none, and still a `next`.
   */
  listed(projection: string, generation: number, list: string, options: PageOptions): Promise<EntryPage>;

  /** The parked streams of a projection in the order of their keys. May be a moment behind `get`. */
  listParked(projection: string, generation: number, options: PageOptions): Promise<ParkedPage>;

  /** The number of parked streams of a projection. May be a moment behind `get`. */
  countParked(projection: string, generation: number): Promise<number>;
}

/**
 * A view as JSON, for adapters to store: an object, or a pair of the small members and the claims for large members.
 * @throws PayloadTooLargeError over {@link MAX_VIEW_BYTES}, entries included
 */
export function encodeView({
  projection,
  key,
  view,
  aside,
  entries = [],
  surplus = [],
}: StoredView): string | undefined {
  if (view === undefined) return undefined;
  const json = JSON.stringify(aside ? [view, aside] : view);
  const lists = entries.length + surplus.length > 0 ? JSON.stringify([entries, surplus]) : '';
  const bytes = Buffer.byteLength(json) + Buffer.byteLength(lists);
  if (bytes <= MAX_VIEW_BYTES) return json;
  throw new PayloadTooLargeError(`view ${key} of ${projection} takes ${bytes} bytes, the limit is ${MAX_VIEW_BYTES}`);
}

/** The result of {@link encodeView}. Only the kind of the value is checked, not all its members. */
const encodedView = z.custom<JsonObject>((view) => typeof view === 'object' && view !== null && !Array.isArray(view));
const encodedParts = z.tuple([encodedView, z.array(viewClaim)]);

/** The view in the JSON of {@link encodeView}. @throws SyntaxError or ZodError for other text */
export function decodeView(json: string): Pick<StoredView, 'view' | 'aside'> {
  const encoded: unknown = JSON.parse(json);
  if (!Array.isArray(encoded)) return { view: encodedView.parse(encoded) };
  const [view, aside] = encodedParts.parse(encoded);
  return { view, aside };
}
