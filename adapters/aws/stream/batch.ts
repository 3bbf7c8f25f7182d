import type { DynamoDBBatchResponse } from 'aws-lambda';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import { type Commit, shareEvents } from '../../../core/store/commit.ts';
import { portionsOf } from '../../../core/store/portions.ts';
import { parseStreamRecords, type StreamRecord } from './records.ts';

/** A commit that a consumer could not process. */
export interface CommitFailure {
  readonly commit: Commit;
  readonly error: unknown;
}

/** A record of the batch that was not processed, with the error. */
export interface RecordFailure {
  readonly sequenceNumber: string;
  /** Whether Lambda delivers the record again. Not for a record without a stream: no append wrote it, and it stays unreadable. */
  readonly redelivered: boolean;
  readonly commit?: Commit;
  readonly error: unknown;
}

/**
 * Processes a batch of stream records. The answer names the lowest failed sequence number; Lambda delivers the batch again
 * from that record on. So all other streams of the batch are processed first, and the consumer skips their commits at the
 * second delivery.
 * @param work processes commits and returns those that failed, in any order. An error that it throws fails the whole batch.
 *   Large commits come in several calls, so that a batch takes little memory
 * @param onFailure called for each failed record, unreadable records included
 * @param claims fetches the bodies of large commits
 * @throws ValidationError when the event is no batch of stream records
 * @throws UnavailableError when a body cannot be fetched; Lambda then delivers the whole batch again
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
  const failures = records.flatMap((record) => findFailure(record, errors));
  for (const failure of failures) onFailure(failure);
  const lowest = failures.find(({ redelivered }) => redelivered); // records are in the order of their numbers
  return { batchItemFailures: lowest ? [{ itemIdentifier: lowest.sequenceNumber }] : [] };
}

const isReadable = (record: StreamRecord): record is StreamRecord & { readonly commit: Commit } => 'commit' in record;

function findFailure(record: StreamRecord, errors: ReadonlyMap<Commit, { error: unknown }>): RecordFailure[] {
  if ('error' in record) return [{ ...record, redelivered: false }];
  const failed = errors.get(record.commit);
  return failed ? [{ ...record, ...failed, redelivered: true }] : [];
}
