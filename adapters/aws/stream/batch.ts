import type { DynamoDBBatchResponse } from 'aws-lambda';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import { type Commit, shareEvents } from '../../../core/store/commit.ts';
import { portionsOf } from '../../../core/store/portions.ts';
import { parseStreamRecords, type StreamRecord } from './records.ts';

/** A commit that a consumer could not work off, whatever else it says about it. */
export interface CommitFailure {
  readonly commit: Commit;
  readonly error: unknown;
}

/** A record of the batch that was not worked off, and why. */
export interface RecordFailure {
  readonly sequenceNumber: string;
  /** Whether it comes again. One that is of no stream at all does not: no append wrote it, and nothing can come of it. */
  readonly redelivered: boolean;
  readonly commit?: Commit;
  readonly error: unknown;
}

/**
 * Has a batch of stream records worked off, and answers where Lambda has to deliver it again: at the lowest failed
 * sequence number, from which it repeats everything. So all other streams of the batch are worked off first, and a
 * consumer meets their commits once more only to skip them.
 * @param work what failed of the commits, in any order; throwing fails the whole batch. Large commits come in several calls,
 *   so that a batch takes little memory
 * @param onFailure told of each failed record, unreadable ones among them
 * @param claims gets large commits their bodies
 * @throws ValidationError when the event is no batch of stream records
 * @throws UnavailableError when a body cannot be reached: the whole batch comes again
 */
export async function processBatch(
  event: unknown,
  work: (commits: readonly Commit[]) => Promise<readonly CommitFailure[]>,
  onFailure: (failure: RecordFailure) => void,
  claims?: ClaimCheck,
): Promise<DynamoDBBatchResponse> {
  const records = parseStreamRecords(event);
  const errors = new Map<Commit, { readonly error: unknown }>();
  for (const portion of portionsOf(records.filter(isReadable), ({ commit }) => commit)) {
    const delivered = await Promise.all(portion.map(({ commit }) => claims?.deliver(commit) ?? shareEvents(commit)));
    for (const { commit, error } of await work(delivered)) {
      const record = portion[delivered.indexOf(commit)];
      if (record) errors.set(record.commit, { error });
    }
  }
  const failures = records.flatMap((record) => failureOf(record, errors));
  for (const failure of failures) onFailure(failure);
  const lowest = failures.find(({ redelivered }) => redelivered); // records come in the order of their numbers
  return { batchItemFailures: lowest ? [{ itemIdentifier: lowest.sequenceNumber }] : [] };
}

const isReadable = (record: StreamRecord): record is StreamRecord & { readonly commit: Commit } => 'commit' in record;

function failureOf(record: StreamRecord, errors: ReadonlyMap<Commit, { error: unknown }>): RecordFailure[] {
  if ('error' in record) return [{ ...record, redelivered: false }];
  const failed = errors.get(record.commit);
  return failed ? [{ ...record, ...failed, redelivered: true }] : [];
}
