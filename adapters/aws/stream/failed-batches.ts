import * as z from 'zod';
import { CorruptDataError, NotFoundError } from '../../../core/base/errors.ts';
import type { FailedBatch, FailedBatches, RedrivenBatch } from '../../../core/publishing/failed-batches.ts';
import type { ObjectStore } from '../../../core/store/object-store.ts';
import type { Invoked } from '../lambda/invoke.ts';
import { type FailedInvocation, failedInvocationOf, type ShardRange } from './failed-batch.ts';

export interface BucketFailedBatchesOptions {
  /** The bucket that Lambda puts failed batches into. */
  readonly objects: Pick<ObjectStore, 'get' | 'delete' | 'list'>;
  /** The functions that read the stream, by what they are. */
  readonly consumers: Readonly<Record<string, string>>;
  readonly invoke: (functionName: string, event: object) => Promise<Invoked>;
  /** Reads records from the stream; undefined when it has forgotten them. */
  readonly readShard: (range: ShardRange) => Promise<readonly unknown[] | undefined>;
}

/** What a consumer answers of a batch. */
const batchAnswer = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) });

/**
 * The batches that Lambda gave up, in their bucket. A redrive invokes the consumer with the batch, as Lambda did, and removes it
 * when all of it was taken.
 */
export class BucketFailedBatches implements FailedBatches {
  readonly #options: BucketFailedBatchesOptions;

  constructor(options: BucketFailedBatchesOptions) {
    this.#options = options;
  }

  async *list(after?: string): AsyncGenerator<FailedBatch> {
    const from = after === undefined ? {} : { after: keyOf(after) };
    for await (const { key, bytes, modifiedAt } of this.#options.objects.list('', from)) {
      yield { batchId: key.replaceAll('/', SLASH), bytes, failedAt: modifiedAt };
    }
  }

  async redrive(batchId: string): Promise<RedrivenBatch> {
    const { objects } = this.#options;
    const key = keyOf(batchId);
    const bytes = await objects.get(key);
    if (!bytes) throw new NotFoundError(`there is no failed batch ${batchId}: was it redriven meanwhile?`);
    const failed = readable(key, bytes);
    if (failed instanceof CorruptDataError) {
      return { batchId, outcome: 'failed', consumers: [], records: 0, reason: failed.message };
    }
    const names = this.#consumersOf(failed);
    const records = failed.records ?? (await this.#options.readShard(failed.range));
    const about = { batchId, consumers: names, records: failed.range.records };
    if (!records) return { ...about, outcome: 'failed', reason: FORGOTTEN };
    for (const name of names) {
      const reason = await this.#failureOf(name, { Records: records });
      if (reason !== undefined) return { ...about, outcome: 'failed', reason };
    }
    await objects.delete(key);
    return { ...about, records: records.length, outcome: 'redriven' };
  }

  /** Whose batch it is. A stack that was made anew has functions of other names: then everybody gets it, and skips what is known. */
  #consumersOf({ functionArn }: FailedInvocation): string[] {
    const { consumers } = this.#options;
    const parts = functionArn.split(':');
    const known = Object.keys(consumers).filter((name) => parts.includes(consumers[name] ?? ''));
    return known.length > 0 ? known : Object.keys(consumers);
  }

  async #failureOf(name: string, event: object): Promise<string | undefined> {
    const invoked = await this.#options.invoke(this.#options.consumers[name] ?? name, event);
    if ('error' in invoked) return `the ${name} ended with ${invoked.error}`;
    const { batchItemFailures } = batchAnswer.parse(invoked.answer);
    const [first] = batchItemFailures;
    return first && `the ${name} could not take it from record ${first.itemIdentifier} on; its log says why`;
  }
}

function readable(key: string, bytes: Uint8Array): FailedInvocation | CorruptDataError {
  try {
    return failedInvocationOf(key, bytes);
  } catch (error) {
    if (error instanceof CorruptDataError) return error;
    throw error;
  }
}

/** Stands for a slash in the id of a batch, which is a part of a path. Lambda's names have none. */
const SLASH = '~';
const keyOf = (batchId: string) => batchId.replaceAll(SLASH, '/');

const FORGOTTEN =
  'it names its records only, and the stream has forgotten them after 24 hours. Rebuild the projections; the relay takes what it lacks of a stream with the next commit of that stream, and a verification names what is still missing in the log';
