import { NotFoundError } from '../base/errors.ts';

/** A batch of commits that failed permanently in a consumer. It waits for an operator. */
export interface FailedBatch {
  readonly batchId: string;
  /** When it was given up, ISO 8601. */
  readonly failedAt: string;
  readonly bytes: number;
}

/** The result for a batch. A redriven batch is removed; a batch that fails again stays. */
export interface RedrivenBatch {
  readonly batchId: string;
  readonly outcome: 'redriven' | 'failed';
  /** The consumers of the batch: `projector`, `relay`, or both when the batch does not name its consumer. */
  readonly consumers: readonly string[];
  readonly records: number;
  /** The reason of a failure. */
  readonly reason?: string;
}

/**
 * The port to failed batches. A redrive runs them through their consumers, which skip known commits; so it may be
 * repeated at any time. Throws UnavailableError when a service cannot be reached; no batch is removed then.
 */
export interface FailedBatches {
  /** All failed batches after a batch id, in the order of the store's stream. */
  list(after?: string): AsyncIterable<FailedBatch>;

  /** Runs a batch through its consumers again. @throws NotFoundError */
  redrive(batchId: string): Promise<RedrivenBatch>;
}

/** The failed batches of one machine: none, because it tries again until it succeeds. */
export const noFailedBatches: FailedBatches = {
  async *list() {},
  async redrive(batchId) {
    throw new NotFoundError(`there is no failed batch ${batchId}`);
  },
};

/**
 * Redrives batches one after the other.
 * @param limit most batches
 * @param deadline no further batch begins after this moment; the first batch always runs
 * @returns the result for each batch, and whether there are more
 */
export async function redriveBatches(
  batches: FailedBatches,
  { limit, deadline, after }: { readonly limit: number; readonly deadline: Date; readonly after?: string | undefined },
): Promise<{ results: RedrivenBatch[]; more: boolean }> {
  const results: RedrivenBatch[] = [];
  for await (const { batchId } of batches.list(after)) {
    if (results.length === limit || (results.length > 0 && Date.now() >= deadline.getTime()))
      return { results, more: true };
    results.push(await batches.redrive(batchId));
  }
  return { results, more: false };
}
