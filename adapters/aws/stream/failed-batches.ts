import * as z from 'zod';
import { CorruptDataError, NotFoundError } from '../../../core/base/errors.ts';
import type { FailedBatch, FailedBatches, RedrivenBatch } from '../../../core/publishing/failed-batches.ts';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import type { Invoked } from '../lambda/invoke.ts';
import { type FailedInvocation, readFailedInvocation, type ShardRange } from './failed-batch.ts';

/** The outside of {@link BucketFailedBatches}. */
export interface BucketFailedBatchesOptions {
  /** The bucket that Lambda puts failed batches into. */
  readonly objects: Pick<ObjectStore, 'get' | 'delete' | 'list'>;
  /** The names of the functions that read the stream, by role: `projector`, `relay`. */
  readonly consumers: Readonly<Record<string, string>>;
  /** Invokes a function and waits for its answer. */
  readonly invoke: (functionName: string, event: object) => Promise<Invoked>;
  /** Reads records from the stream; undefined when the stream does not hold them any more. */
  readonly readShard: (range: ShardRange) => Promise<readonly unknown[] | undefined>;
}

/** The answer of a consumer to a batch. */
const batchAnswer = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/**
 * The batches that Lambda gave up, in their bucket. A redrive invokes the consumer with the batch, as Lambda did, and
 * removes the batch when the consumer took all of it.
 */
export class BucketFailedBatches implements FailedBatches {
  readonly #options: BucketFailedBatchesOptions;

  constructor(options: BucketFailedBatchesOptions) {
    this.#options = options;
  }

  async *list(after?: string): AsyncGenerator<FailedBatch> {
    const from = after === undefined ? {} : { after: objectKey(after) };
    for await (const { key, bytes, modifiedAt } of this.#options.objects.list('', from)) {
      yield { batchId: key.replaceAll('/', SLASH), bytes, failedAt: modifiedAt };
    }
  }

  async redrive(batchId: string): Promise<RedrivenBatch> {
    const { objects } = this.#options;
    const key = objectKey(batchId);
    const bytes = await objects.get(key);
    if (!bytes) throw new NotFoundError(`there is no failed batch ${batchId}: was it redriven meanwhile?`);
    const failed = readObject(key, bytes);
    if (failed instanceof CorruptDataError) {
      return { batchId, outcome: 'failed', consumers: [], records: 0, reason: failed.message };
    }
    const names = this.#findConsumers(failed);
    const records = failed.records ?? (await this.#options.readShard(failed.range));
    const batch = { batchId, consumers: names, records: failed.range.records };
    if (!records) return { ...batch, outcome: 'failed', reason: RECORDS_EXPIRED };
    for (const name of names) {
      const reason = await this.#invokeConsumer(name, { Records: records });
      if (reason !== undefined) return { ...batch, outcome: 'failed', reason };
    }
    await objects.delete(key);
    return { ...batch, records: records.length, outcome: 'redriven' };
  }

  /**
   * The consumers of a batch: the function that gave it up. A stack that was created again has functions with other names;
   * then all consumers get the batch, and skip commits that they know.
   */
  #findConsumers({ functionArn }: FailedInvocation): string[] {
    const { consumers } = this.#options;
    const parts = functionArn.split(':');
    const known = Object.keys(consumers).filter((name) => parts.includes(consumers[name] ?? ''));
    return known.length > 0 ? known : Object.keys(consumers);
  }

  /** @returns undefined when the consumer took all records, else the reason why not */
  async #invokeConsumer(name: string, event: object): Promise<string | undefined> {
    const invoked = await this.#options.invoke(this.#options.consumers[name] ?? name, event);
    if ('error' in invoked) return `the ${name} ended with ${invoked.error}`;
    const { batchItemFailures } = batchAnswer.parse(invoked.answer);
    const [first] = batchItemFailures;
    return first && `the ${name} failed at record ${first.itemIdentifier} of the batch; its log says why`;
  }
}

function readObject(key: string, bytes: Uint8Array): FailedInvocation | CorruptDataError {
  try {
    return readFailedInvocation(key, bytes);
  } catch (error) {
    if (error instanceof CorruptDataError) return error;
    throw error;
  }
}

/** Replaces slashes in the id of a batch, because the id is a part of a path. Lambda's names have no tilde. */
const SLASH = '~';
const objectKey = (batchId: string) => batchId.replaceAll(SLASH, '/');

const RECORDS_EXPIRED =
  'the batch only names its records, and the stream drops records after 24 hours. Rebuild the projections. The relay catches up with a stream at the next commit of that stream; a verification names the events that the log still lacks';
