import { NotFoundError } from '../base/errors.ts';

/** A batch of commits that a consumer of the store gave up on, as it waits for an operator. */
export interface FailedBatch {
  readonly batchId: string;
  /** When it was given up, ISO 8601. */
  readonly failedAt: string;
  readonly bytes: number;
}

/** What came of a batch. It is forgotten once it is redriven, and stays where it is when it failed again. */
export interface RedrivenBatch {
  readonly batchId: string;
  readonly outcome: 'redriven' | 'failed';
  /** Who took it: `projector`, `relay`, or both where the batch does not say whose it is. */
  readonly consumers: readonly string[];
  readonly records: number;
  /** Why it failed. */
  readonly reason?: string;
}

/**
 * The port to batches that were given up. A redrive runs them through the consumers themselves, which skip what they know:
 * it may be repeated at any time. Throws UnavailableError when something cannot be reached; nothing is forgotten then.
 */
export interface FailedBatches {
  /** In the order in which they were given up, by place in the store's stream. */
  list(after?: string): AsyncIterable<FailedBatch>;

  /** @throws NotFoundError */
  redrive(batchId: string): Promise<RedrivenBatch>;
}

/** One machine gives up no batch: it tries again until it can. */
export const noFailedBatches: FailedBatches = {
  async *list() {},
  async redrive(batchId) {
    throw new NotFoundError(`there is no failed batch ${batchId}`);
  },
};

/**
 * Redrives batches one after the other.
 * @param limit most batches
 * @param deadline when to begin with no further batch
 * @returns what came of each, and whether there are others
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
