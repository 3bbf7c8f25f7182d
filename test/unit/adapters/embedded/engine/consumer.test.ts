import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Consumer, type ConsumerOptions } from '../../../../../adapters/embedded/engine/consumer.ts';
import { SqliteCommitStorage } from '../../../../../adapters/embedded/sqlite/commit-storage.ts';
import { type DataFolder, openDataFolder } from '../../../../../adapters/embedded/sqlite/database.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import { ClaimCheck, LargeCommitStorage } from '../../../../../core/store/claim-check.ts';
import { decodeCommit } from '../../../../../core/store/commit.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { catalogue } from '../../../../support/application.ts';
import { MemoryObjectStore } from '../../../../support/memory-objects.ts';
import { step, steps } from '../../../../support/sample-events.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const parent = temporaryFolder();
let folder: DataFolder;
let commits: SqliteCommitStorage;
let consumer: Consumer | undefined;

beforeEach(() => {
  folder = openDataFolder(`${parent}/${Math.random()}`);
  commits = new SqliteCommitStorage(folder.events);
});
afterEach(async () => {
  await consumer?.close();
  folder.close();
});

function start(more: Partial<ConsumerOptions>) {
  const logger = { warn: vi.fn(), error: vi.fn() };
  const checkpoint = { get: vi.fn(() => 0), save: vi.fn() };
  const apply = vi.fn(async () => {});
  const own = new Consumer({ name: 'the consumer', commits, checkpoint, logger, apply, ...more });
  consumer = own;
  commits.onStored(() => own.wake());
  own.start();
  return { consumer: own, logger, checkpoint };
}

const append = (stream: string, count = 1) =>
  new EventStore(commits, { catalogue }).append(stream, steps(count), { expectedVersion: 'any' });

describe('Consumer', () => {
  it('sleeps until it is woken', async () => {
    const look = vi.spyOn(commits, 'commitsAfter');
    const { checkpoint } = start({});
    await delay(100);
    expect(look).toHaveBeenCalledTimes(1);
    await append('agent-1');
    await vi.waitFor(() => expect(checkpoint.save).toHaveBeenCalledWith(1));
    await delay(50);
    expect(look.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it('passes nothing by when its checkpoint is ahead of all commits, as after events were lost', async () => {
    const apply = vi.fn(async () => {});
    start({ apply, checkpoint: { get: () => 1_000, save: vi.fn() } });
    await append('agent-1');
    await vi.waitFor(() => expect(apply).toHaveBeenCalledTimes(1));
  });

  it('delivers the same commits again after an outage, and logs the outage once', async () => {
    const seen: string[][] = [];
    let outages = 2;
    const { consumer, logger, checkpoint } = start({
      apply: async (batch) => {
        seen.push(batch.map(({ commit }) => commit.stream));
        if (outages-- > 0) throw new UnavailableError('the disk is full');
      },
    });
    await append('agent-1');
    await vi.waitFor(() => expect(consumer.failing).toBe(true));
    expect(consumer.position).toBe(0);
    await vi.waitFor(() => expect(consumer.position).toBe(1), { timeout: 10_000 });
    await vi.waitFor(() => expect(consumer.failing).toBe(false));
    expect(seen).toEqual([['agent-1'], ['agent-1'], ['agent-1']]);
    expect(logger.error).toHaveBeenCalledOnce();
    expect(checkpoint.save.mock.calls).toEqual([[1]]);
  });

  it('reads from the unfinished position after a restart', async () => {
    let unfinished: number | undefined = 2;
    const { consumer, checkpoint } = start({ unfinished: () => unfinished });
    for (const stream of ['agent-1', 'agent-2', 'agent-3']) await append(stream);
    await vi.waitFor(() => expect(consumer.position).toBe(3));
    expect(checkpoint.save.mock.calls).toEqual([[1]]);
    unfinished = undefined;
    consumer.wake();
    await vi.waitFor(() => expect(checkpoint.save).toHaveBeenLastCalledWith(3));
  });

  it('finishes the current batch when it is closed, and stops at once in the pause after a failure', async () => {
    const inWork = Promise.withResolvers<void>();
    const { consumer, checkpoint } = start({ apply: () => inWork.promise });
    await append('agent-1');
    await delay(20);
    const closing = consumer.close();
    inWork.resolve();
    await closing;
    expect(checkpoint.save).toHaveBeenCalledWith(1);

    const failing = start({ apply: () => Promise.reject(new UnavailableError('no')), pauseMs: 3_600_000 });
    await vi.waitFor(() => expect(failing.consumer.failing).toBe(true));
    await failing.consumer.close();
  });

  it('holds at most 1 MB of commits at once, or a single larger commit; bodies in objects count as well', async () => {
    const claims = new ClaimCheck(new MemoryObjectStore());
    const store = new EventStore(new LargeCommitStorage(commits, claims), { catalogue });
    const text = randomBytes(700_000).toString('base64');
    for (let version = 0; version < 5; version++) {
      const large = { ...step('a'), data: { agentId: '1', action: 'a', observation: text } };
      await store.append('agent-1', [large], { expectedVersion: version });
    }
    for (let version = 0; version < 5; version++)
      await store.append('agent-2', [step('a')], { expectedVersion: version });
    const batches: number[] = [];
    const { checkpoint } = start({
      claims,
      apply: async (batch) => {
        expect(batch.every(({ commit }) => decodeCommit(commit, catalogue).length === 1)).toBe(true);
        batches.push(batch.length);
      },
    });
    await vi.waitFor(() => expect(checkpoint.save).toHaveBeenLastCalledWith(10));
    expect(batches).toEqual([1, 1, 1, 1, 6]);
  });
});
