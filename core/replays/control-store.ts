import { PayloadTooLargeError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { JsonObject } from '../events/json.ts';

/** Most bytes of an item's content as JSON: under DynamoDB's 400 KB per item, with room for keys and attribute names. */
export const MAX_CONTROL_BYTES = 380 * 1024;

/**
 * Something that Annals keeps about its own work and that is neither event nor view: which generation of a projection is
 * live, how far a rebuild has come, what was parked.
 */
export interface ControlItem {
  /** What sort of thing it is, such as `replay`: 1 to 64 lower-case letters and hyphens. Items are listed by kind. */
  readonly kind: string;
  /** Its name among its kind. Names with a common start can be listed together. */
  readonly id: string;
  /** Counts the writes of this item, from 1. */
  readonly revision: number;
  readonly content: JsonObject;
}

export interface ControlPage {
  readonly items: readonly ControlItem[];
  /** Id to continue after; absent when this was the last page. */
  readonly next?: string;
}

export interface ControlListOptions {
  /** Most items of the page, 1 to 100. */
  readonly limit: number;
  /** Only ids that start so. */
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
}

/**
 * The port to whatever keeps control items. Every write is conditional on a revision, so that of two who decide on the
 * same state one has to look again. Every call throws UnavailableError when the storage cannot be reached.
 */
export interface ControlStore {
  /** The item as last written (strongly consistent). */
  get(kind: string, id: string): Promise<ControlItem | undefined>;

  /**
   * Writes an item if it is still at `expectedRevision` (0 = not there); it is at the next one then.
   * @returns whether it was written. After false read the item again: it may also be this very write, its answer lost.
   * @throws PayloadTooLargeError over {@link MAX_CONTROL_BYTES}
   */
  put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean>;

  /** Removes an item if it is still at `expectedRevision`. @returns whether it was removed now */
  remove(kind: string, id: string, expectedRevision: number): Promise<boolean>;

  /** The items of a kind in the order of their ids. A list may be a moment behind `get`, and a page short of its limit. */
  list(kind: string, options: ControlListOptions): Promise<ControlPage>;
}

/** An item's content as JSON, for adapters to store. @throws PayloadTooLargeError over {@link MAX_CONTROL_BYTES} */
export function encodeControl(kind: string, id: string, content: JsonObject): string {
  const json = JSON.stringify(content);
  const bytes = Buffer.byteLength(json);
  if (bytes <= MAX_CONTROL_BYTES) return json;
  throw new PayloadTooLargeError(`${kind} ${id} takes ${bytes} bytes, the limit is ${MAX_CONTROL_BYTES}`);
}

/**
 * Changes an item, whole or not at all; `change` is called again when another writer was faster.
 * @param read makes the content of what is stored, or of nothing
 * @param change the content to have, or undefined to leave the item as it is. What it throws is thrown
 * @returns the content as it is then
 */
export function changeItem<Content>(
  control: ControlStore,
  { kind, id }: Pick<ControlItem, 'kind' | 'id'>,
  read: (item: ControlItem | undefined) => Content,
  change: (content: Content) => Content | undefined,
): Promise<Content> {
  return untilSettled(async () => {
    const item = await control.get(kind, id);
    const current = read(item);
    const next = change(current);
    if (!next) return current;
    return (await control.put(kind, id, next as JsonObject, item?.revision ?? 0)) && next;
  });
}
