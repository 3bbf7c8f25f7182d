import { createHash } from 'node:crypto';
import { ID_PATTERN } from '../core/base/stream-id.ts';

const MAX_ID = 128;
const DIGEST_CHARACTERS = 32;
const SUFFIX_CHARACTERS = 10;

/**
 * Makes an id from a name. A name that is a valid id stays. In other names the invalid characters are replaced, and a hash of
 * the whole name follows, so that different names get different ids.
 */
export function fitId(name: string): string {
  if (ID_PATTERN.test(name)) return name;
  const suffix = `~${digest(name).slice(0, SUFFIX_CHARACTERS)}`;
  const fitted = name.replaceAll(/[^A-Za-z0-9._~:-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${fitted.slice(0, MAX_ID - suffix.length) || 'unnamed'}${suffix}`;
}

/** A short hash of a text. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARACTERS);
}
