import pLimit from 'p-limit';
import type { ExpectedVersion } from '../base/versions.ts';
import type { NewEvent } from '../events/catalogue.ts';
import type { AppendResult } from './append-result.ts';
import type { AppendOptions, EventStore } from './event-store.ts';

/** Events for one stream. */
export interface StreamAppend {
  readonly streamId: string;
  readonly expectedVersion: ExpectedVersion;
  readonly events: readonly NewEvent[];
}

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
