import { ValidationError } from '../base/errors.ts';
import type { Change } from './commit-storage.ts';

/** Most items of a change: DynamoDB takes as many actions in a transaction. SQLite has no such limit, but the same API. */
export const MAX_CHANGE_ITEMS = 100;

/**
 * Counts what a change writes and checks: commits, notes of event ids, entries of tags, checks, and the key.
 * @throws ValidationError over {@link MAX_CHANGE_ITEMS}
 */
export function assertItems({ puts, free, entries, freeTags, mark }: Change, path: string): void {
  const ids = puts.reduce((sum, { given }) => sum + given.size, 0);
  const parts: [number, string][] = [
    [puts.length, 'appends'],
    [ids, 'event ids of the caller'],
    [entries.length, 'tags of events'],
    [free.length + freeTags.length, 'checks and conditions'],
    [mark ? 1 : 0, 'idempotency key'],
  ];
  const items = parts.reduce((sum, [count]) => sum + count, 0);
  if (items <= MAX_CHANGE_ITEMS) return;
  const listed = parts.flatMap(([count, name]) => (count > 0 ? [`${count} ${name}`] : [])).join(', ');
  const message = `takes ${items} items, ${MAX_CHANGE_ITEMS} at most: ${listed}`;
  throw new ValidationError([{ path, message }]);
}
