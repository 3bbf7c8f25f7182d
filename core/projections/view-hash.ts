import { createHash } from 'node:crypto';

/** The first 16 digits of the SHA-256 over JSON with sorted members; 'not there' for undefined. */
export function hashOf(value: unknown): string {
  if (value === undefined) return 'not there';
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return { object: entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, sorted(member)]) };
}
