import { PayloadTooLargeError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { JsonObject } from '../events/json.ts';

/**
 * Most bytes of an item's content as JSON: under DynamoDB's 400 KB for an item, with room for keys and attribute names.
 */
export const MAX_CONTROL_BYTES = 380 * 1024;

/**
 * A record of Annals about its work, neither event nor view: the live generation of a projection, the progress of a
 * rebuild, a lease, the position of a subscription.
 */
export interface ControlItem {
  /** The kind, such as `replay`: 1 to 64 lower-case letters and hyphens. Items are listed by kind. */
  readonly kind: string;
  /** The name within its kind. Names with a common start can be listed together. */
  readonly id: string;
  /** Counts the writes of this item, from 1. */
  readonly revision: number;
  readonly content: JsonObject;
}

/** A page of control items. */
export interface ControlPage {
  readonly items: readonly ControlItem[];
  /** Id to continue after; absent on the last page. */
  readonly next?: string;
}

/** The selection and the limit of a list. */
export interface ControlListOptions {
  /** Most items of the page, 1 to 100. */
  readonly limit: number;
  /** The start of the ids. */
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
}

/** A write of {@link ControlStore.writeTogether}: the new content of an item, or its removal. */
export interface ControlWrite {
  readonly kind: string;
  readonly id: string;
  /** Undefined removes the item. */
  readonly content: JsonObject | undefined;
  /** The revision that the item still has to have; 0 for no item. */
  readonly expectedRevision: number;
}

/**
 * The port to the storage of control items. Every write has a condition on the revision: of two writers with the same
 * state, one fails and reads again. Every call throws UnavailableError when the storage cannot be reached.
 */
export interface ControlStore {
  /** The last written item (strongly consistent). */
  get(kind: string, id: string): Promise<ControlItem | undefined>;

  /**
   * Writes an item if it is still at `expectedRevision` (0: no item). The write raises the revision by 1.
   * @returns whether it was written. After false read the item again: an earlier attempt may have written it and lost
   *   its answer
   * @throws PayloadTooLargeError over {@link MAX_CONTROL_BYTES}
   */
  put(kind: string, id: string, content: JsonObject, expectedRevision: number): Promise<boolean>;

  /** Removes an item if it is still at `expectedRevision`. @returns whether this call removed it */
  remove(kind: string, id: string, expectedRevision: number): Promise<boolean>;

  /**
   * Writes and removes 1 to 100 different items, all or none: each as {@link put} or {@link remove} does. On
   * AWS it costs twice the units of single writes.
   * @returns whether all were written. After false read the items again
   * @throws PayloadTooLargeError over {@link MAX_CONTROL_BYTES} for an item
   */
  writeTogether(writes: readonly ControlWrite[]): Promise<boolean>;

  /**
   * The items of a kind in the order of their ids. A list may be a moment behind `get`. A page may have fewer items
   * than its limit.
   */
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
 * Changes an item in one conditional write. `change` is called again when another writer was faster.
 * @param read makes the content from the stored item, or from undefined
 * @param change gives the new content, or undefined for no change; its errors are thrown
 * @returns the present content
 * @throws UnavailableError
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
