import { describe, expect, it } from 'vitest';
import type { Invoked } from '../../../../../adapters/aws/lambda/invoke.ts';
import { BucketFailedBatches } from '../../../../../adapters/aws/stream/failed-batches.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import { redriveBatches } from '../../../../../core/publishing/failed-batches.ts';
import { failedBatchRecord } from '../../../../support/failed-batch-record.ts';
import { MemoryObjectStore } from '../../../../support/memory-objects.ts';

const arn = (name: string) => `arn:aws:lambda:eu-central-1:123456789012:function:${name}`;
const consumers = { projector: 'stack-Projector-1', relay: 'stack-Relay-2' };
const records = [{ dynamodb: { SequenceNumber: '100' } }, { dynamodb: { SequenceNumber: '101' } }];
const taken: Invoked = { answer: { batchItemFailures: [] } };

/** A bucket with a batch of each function that is named, and consumers that answer as told. */
async function setup(names: string[], form: Parameters<typeof failedBatchRecord>[1] = {}) {
  const objects = new MemoryObjectStore();
  const invoked: { name: string; event: unknown }[] = [];
  const answers = { next: taken as Invoked | Error, inStream: undefined as readonly unknown[] | undefined };
  for (const [index, name] of names.entries()) {
    const key = `aws/lambda/0f0e-1/shardId-0001/2026/11/28/2026-11-28T10.00.0${index}-a${index}`;
    await objects.put(key, failedBatchRecord(records, { functionArn: arn(name), ...form }));
  }
  const batches = new BucketFailedBatches({
    objects,
    consumers,
    invoke: async (name, event) => {
      invoked.push({ name, event });
      if (answers.next instanceof Error) throw answers.next;
      return answers.next;
    },
    readShard: async () => answers.inStream,
  });
  const left = async () => (await Array.fromAsync(objects.list(''))).length;
  const all = () => redriveBatches(batches, { limit: 100, deadline: new Date(Date.now() + 60_000) });
  return { batches, objects, invoked, answers, left, all };
}

describe('a batch that Lambda gave up', () => {
  it('is delivered unchanged to the function that gave it up, and then removed', async () => {
    const { invoked, left, all } = await setup(['stack-Relay-2', 'stack-Projector-1']);
    const { results, more } = await all();
    expect(more).toBe(false);
    expect(results).toMatchObject([
      { outcome: 'redriven', consumers: ['relay'], records: 2 },
      { outcome: 'redriven', consumers: ['projector'], records: 2 },
    ]);
    expect(invoked).toEqual([
      { name: 'stack-Relay-2', event: { Records: records } },
      { name: 'stack-Projector-1', event: { Records: records } },
    ]);
    expect(await left()).toBe(0);
  });

  it('may have an object as payload, and a function that was invoked by version or alias', async () => {
    const { invoked, all } = await setup([], {});
    expect((await all()).results).toEqual([]);
    const asObject = await setup(['stack-Relay-2:live'], { asObject: true });
    await asObject.all();
    expect(asObject.invoked).toEqual([{ name: 'stack-Relay-2', event: { Records: records } }]);
    expect(invoked).toEqual([]);
  });

  it('stays when a record or the function fails again, and the answer names the reason', async () => {
    const { answers, left, all } = await setup(['stack-Relay-2']);
    answers.next = { answer: { batchItemFailures: [{ itemIdentifier: '101' }] } };
    expect((await all()).results).toMatchObject([{ outcome: 'failed', reason: expect.stringContaining('101') }]);
    answers.next = { error: 'Unhandled: {"errorType":"Sandbox.Timedout"}' };
    expect((await all()).results).toMatchObject([{ outcome: 'failed', reason: expect.stringContaining('Timedout') }]);
    expect(await left()).toBe(1);
    answers.next = taken;
    expect((await all()).results).toMatchObject([{ outcome: 'redriven' }]);
    expect(await left()).toBe(0);
  });

  it('stays when the function cannot be reached', async () => {
    const { answers, left, all } = await setup(['stack-Relay-2']);
    answers.next = new UnavailableError('Lambda cannot be reached');
    await expect(all()).rejects.toThrow(UnavailableError);
    expect(await left()).toBe(1);
  });

  it('is read from the stream when it only names its records', async () => {
    const { answers, invoked, left, all } = await setup(['stack-Projector-1'], { withoutPayload: true });
    expect((await all()).results).toMatchObject([{ outcome: 'failed', reason: expect.stringContaining('24 hours') }]);
    expect(await left()).toBe(1);
    answers.inStream = records;
    expect((await all()).results).toMatchObject([{ outcome: 'redriven', records: 2 }]);
    expect(invoked).toEqual([{ name: 'stack-Projector-1', event: { Records: records } }]);
  });

  it('is delivered to every consumer when its function does not exist any more', async () => {
    const { invoked, all } = await setup(['older-Relay-9']);
    expect((await all()).results).toMatchObject([{ outcome: 'redriven', consumers: ['projector', 'relay'] }]);
    expect(invoked.map(({ name }) => name)).toEqual(['stack-Projector-1', 'stack-Relay-2']);
  });

  it('is listed with an id by which it can be redriven', async () => {
    const { batches } = await setup(['stack-Relay-2', 'stack-Relay-2']);
    const [first, second] = await Array.fromAsync(batches.list());
    expect(first).toMatchObject({ bytes: expect.any(Number), failedAt: expect.any(String) });
    expect(first?.batchId).toMatch(/^[A-Za-z0-9._~:-]+$/);
    expect((await Array.fromAsync(batches.list(first?.batchId))).map(({ batchId }) => batchId)).toEqual([
      second?.batchId,
    ]);
    expect(await batches.redrive(second?.batchId ?? '')).toMatchObject({ outcome: 'redriven' });
    await expect(batches.redrive(second?.batchId ?? '')).rejects.toThrow('there is no failed batch');
  });

  it('that is no record of Lambda does not block the other batches', async () => {
    const { objects, all, left } = await setup(['stack-Relay-2']);
    await objects.put('aaa/first', Buffer.from('not JSON'));
    const { results } = await all();
    expect(results).toMatchObject([
      { outcome: 'failed', reason: expect.stringContaining('aaa/first') },
      { outcome: 'redriven' },
    ]);
    expect(await left()).toBe(1);
  });
});
