import { InvalidIdError } from '../base/errors.ts';

/** An object as a list shows it. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  /** When it was written, ISO 8601. */
  readonly modifiedAt: string;
}

/**
 * The port to whatever keeps objects: bytes under a key, written and read whole. For what is too large for a table, and
 * for what can be made anew. Strongly consistent, lists too. Each object has a key that is no folder of another's.
 *
 * Every call throws UnavailableError when the storage cannot be reached, and InvalidIdError on a key that is none; see
 * {@link assertObjectKey}.
 */
export interface ObjectStore {
  /**
   * Writes an object, whole or not at all, in place of what is there.
   * @param options.ifAbsent writes only if nothing is there
   * @returns whether it was written
   */
  put(key: string, bytes: Uint8Array, options?: { readonly ifAbsent?: boolean }): Promise<boolean>;

  /** The bytes under a key, undefined when there is nothing. */
  get(key: string): Promise<Uint8Array | undefined>;

  /** Removes an object; that there is none is no error. */
  delete(key: string): Promise<void>;

  /** The objects whose keys start with `prefix`, in the byte order of their keys, from the first after `after`. */
  list(prefix: string, options?: { readonly after?: string | undefined }): AsyncIterable<ListedObject>;
}

/** Longest key in characters; S3 takes 1,024 bytes, of which some are left to a prefix per tenant. */
const MAX_KEY_LENGTH = 900;
/** Parts as ids have them, and each short enough for the name of a file. */
const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,199}(?:\/[A-Za-z0-9][A-Za-z0-9._~:-]{0,199})*$/;

/** @throws InvalidIdError unless `key` is parts of the characters that ids have, with slashes between them */
export function assertObjectKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH && KEY_PATTERN.test(key)) return key;
  throw new InvalidIdError(
    `the key of an object is parts of 1 to 200 characters out of A-Z a-z 0-9 . _ ~ : - with slashes between them, ${MAX_KEY_LENGTH} characters in all`,
  );
}
