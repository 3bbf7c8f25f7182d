import { createHash } from 'node:crypto';
import { ID_PATTERN } from '../../core/base/stream-id.ts';

const MAX_ID = 128;
const DIGEST_CHARACTERS = 32;
const SUFFIX_CHARACTERS = 10;

/**
 * A name as an id. One that is no id as it stands has its other characters replaced, and a hash of the whole at the
 * end, so that two names never become one id.
 */
export function fitId(name: string): string {
  if (ID_PATTERN.test(name)) return name;
  const suffix = `~${digest(name).slice(0, SUFFIX_CHARACTERS)}`;
  const fitted = name.replaceAll(/[^A-Za-z0-9._~:-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return `${fitted.slice(0, MAX_ID - suffix.length) || 'unnamed'}${suffix}`;
}

/** An idempotency key that follows from what is sent: the same content again is a repeat, any other is not. */
export function contentKey(...content: readonly unknown[]): string {
  return `import-${digest(JSON.stringify(content))}`;
}

/** A short name for a text, the same each time. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARACTERS);
}
