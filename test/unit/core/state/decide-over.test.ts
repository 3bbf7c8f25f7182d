import { expect, it } from 'vitest';
import * as z from 'zod';
import { CommandRejectedError, UnavailableError } from '../../../../core/base/errors.ts';
import { catalogueOf, type DomainEvent, type NewEvent } from '../../../../core/events/catalogue.ts';
import { defineEvent } from '../../../../core/events/define.ts';
import { decideOver, inStream, withTag } from '../../../../core/state/decide-over.ts';
import type { AnyDecider } from '../../../../core/state/decider.ts';
import type { CommitStorage } from '../../../../core/store/commit-storage.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { losingReplies } from '../../../support/losing-replies.ts';
import { passing } from '../../../support/passing-storage.ts';

const event = <const Type extends string, const Home extends string, Data extends z.ZodObject>(
  type: Type,
  aggregateType: Home,
  data: Data,
  tags?: (data: z.output<Data>) => string[],
) =>
  defineEvent({
    ...{ type, aggregateType, data, kind: 'domain', access: 'open', version: 1, description: type, sensitive: [] },
    ...(tags ? { tags } : {}),
  });
const catalogue = catalogueOf([
  event('worker.held', 'worker', z.strictObject({ job: z.string() })),
  event('worker.freed', 'worker', z.strictObject({ job: z.string() })),
  event('job.opened', 'job', z.strictObject({})),
  event('job.closed', 'job', z.strictObject({})),
  event('seat.taken', 'seat', z.strictObject({ course: z.string() }), ({ course }) => [`course:${course}`]),
]);
const made = (type: string, data: object) => ({ type, data }) as unknown as NewEvent;

interface Worker {
  readonly job: string | undefined;
}
const worker = {
  aggregateType: 'worker',
  initialState: { job: undefined } as Worker,
  decide: () => [],
  evolve: (_: Worker, { type, data }: { type: string; data: { job?: string } }): Worker => ({
    job: type === 'worker.held' ? data.job : undefined,
  }),
} as unknown as AnyDecider;
const job = {
  aggregateType: 'job',
  initialState: 'none',
  decide: () => [],
  evolve: (_: string, { type }: { type: string }) => (type === 'job.opened' ? 'open' : 'closed'),
} as unknown as AnyDecider;

/** A worker is held by one job at a time, and only by an open job. */
const hold = (store: EventStore, workerId: string, jobId: string, commitId?: string) =>
  decideOver(
    store,
    { worker: inStream(worker, workerId), job: inStream(job, jobId) },
    (states) => {
      if (states.worker.job === jobId) return {};
      if (states.worker.job !== undefined)
        throw new CommandRejectedError(`${workerId} is held by ${states.worker.job}`);
      if (states.job !== 'open') throw new CommandRejectedError(`${jobId} is not open`);
      return { worker: [made('worker.held', { job: jobId })] };
    },
    { commitId },
  );

function opened() {
  const storage = new MemoryCommitStorage();
  const open = () => new EventStore(storage, { catalogue });
  const append = (stream: string, type: string, data = {}) =>
    open().append(stream, [made(type, data)], { expectedVersion: 'any' });
  return { storage, open, append };
}

it('a worker is held by one of many jobs that want it at once', async () => {
  const { open, append } = opened();
  const jobs = Array.from({ length: 5 }, (_, n) => `j${n}`);
  for (const id of jobs) await append(`job-${id}`, 'job.opened');
  const settled = await Promise.allSettled(jobs.map((id) => hold(open(), 'w', id)));
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const result of settled) {
    if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(CommandRejectedError);
  }
  expect(await open().head('worker-w')).toBe(1);
});

it('a stream that was only read is a condition: an event there starts the decision over', async () => {
  const { storage, open, append } = opened();
  await append('job-j', 'job.opened');
  let closes = 1;
  const slow: CommitStorage = {
    ...passing(storage),
    async transact(change) {
      if (closes-- > 0) await append('job-j', 'job.closed');
      return storage.transact(change);
    },
  };
  await expect(hold(new EventStore(slow, { catalogue }), 'w', 'j')).rejects.toThrow('j is not open');
  expect(await open().head('worker-w')).toBe(0);
  expect(await open().head('job-j')).toBe(2);
});

it('a repeat under a key gives the first result, also after a lost reply and when the rule would refuse it', async () => {
  const { storage, open, append } = opened();
  await append('job-j', 'job.opened');
  const losing = new EventStore(losingReplies(storage), { catalogue });
  await expect(hold(losing, 'w', 'j', 'key')).rejects.toThrow(UnavailableError);
  await append('job-j', 'job.closed');
  expect(await hold(open(), 'w', 'j', 'key')).toMatchObject({ repeated: true, results: [{ toVersion: 1 }] });
  expect(await hold(open(), 'w', 'j')).toBeUndefined();
  expect(await open().head('worker-w')).toBe(1);
});

it('a course never has more students than seats, whoever takes them at once', async () => {
  const { open } = opened();
  const take = (store: EventStore, id: string) =>
    decideOver(
      store,
      {
        seat: inStream({ ...job, aggregateType: 'seat' }, id),
        taken: withTag('course:c1', 0, (count: number, _: DomainEvent) => count + 1),
      },
      ({ taken }) => {
        if (taken >= 3) throw new CommandRejectedError('the course is full');
        return { seat: [made('seat.taken', { course: 'c1' })] };
      },
    );
  const settled = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => take(open(), `s${n}`)));
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect(await Array.fromAsync(open().tagged('course:c1'))).toHaveLength(3);
});
