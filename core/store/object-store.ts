import { InvalidIdError } from '../base/errors.ts';

/** The entry of an object in a list. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  /** The time of the write, ISO 8601. */
  readonly modifiedAt: string;
}

/**
 * The port to object storage: bytes under a key, written and read whole, for data that is too large for a table or can
 * be rebuilt. Strongly consistent, lists too. Each object has a key that is no folder of another's.
 *
 * Every call throws UnavailableError when the storage cannot be reached, and InvalidIdError on a key that is none; see
 * {@link assertObjectKey}.
 */
export interface ObjectStore {
  /**
   * Writes an object, whole or not at all, and replaces an existing one.
   * @param options.ifAbsent writes only a new object
   * @returns whether it was written
   */
  put(key: string, bytes: Uint8Array, options?: { readonly ifAbsent?: boolean }): Promise<boolean>;

  /** The bytes under a key; undefined without an object. */
  get(key: string): Promise<Uint8Array | undefined>;

  /** Removes an object; a missing object is no error. */
  delete(key: string): Promise<void>;

  /** The objects whose keys start with `prefix`, in the byte order of their keys, from the first after `after`. */
  list(prefix: string, options?: { readonly after?: string | undefined }): AsyncIterable<ListedObject>;
}

/** Longest key in characters; S3 takes 1,024 bytes, of which some are left to a prefix per tenant. */
const MAX_KEY_LENGTH = 900;
/** Parts in the characters of ids, each short enough for a file name. */
const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,199}(?:\/[A-Za-z0-9][A-Za-z0-9._~:-]{0,199})*$/;

/** @throws InvalidIdError unless `key` is parts of the characters that ids have, with slashes between them */
export function assertObjectKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH && KEY_PATTERN.test(key)) return key;
  throw new InvalidIdError(
    `the key of an object is parts of 1 to 200 characters out of A-Z a-z 0-9 . _ ~ : - with slashes between them, ${MAX_KEY_LENGTH} characters in all`,
  );
}
