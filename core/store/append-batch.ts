import pLimit from 'p-limit';
import type { AppendOptions, StreamAppend } from './append-options.ts';
import type { AppendResult } from './append-result.ts';
import type { EventStore } from './event-store.ts';

/** What became of the events for one stream. */
export type AppendOutcome = { readonly streamId: string } & (
  | { readonly result: AppendResult }
  | { readonly error: unknown }
);

/** Streams appended to side by side. */
const CONCURRENCY = 10;

/**
 * Appends to many streams with `append`, each append a commit of its own: one that fails keeps no other from being stored.
 * @returns an outcome for each append, in their order; never throws
 */
export function appendBatch(
  append: EventStore['append'],
  appends: readonly StreamAppend[],
  options: Omit<AppendOptions, 'expectedVersion'>,
): Promise<AppendOutcome[]> {
  const limit = pLimit(CONCURRENCY);
  return limit.map(appends, async ({ streamId, expectedVersion, events }): Promise<AppendOutcome> => {
    try {
      return { streamId, result: await append(streamId, events, { ...options, expectedVersion }) };
    } catch (error) {
      return { streamId, error };
    }
  });
}
