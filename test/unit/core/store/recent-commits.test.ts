import { expect, it } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import { ClaimCheck } from '../../../../core/store/claim-check.ts';
import { type Commit, decodeCommit } from '../../../../core/store/commit.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { portionsOf } from '../../../../core/store/portions.ts';
import { RecentCommits } from '../../../../core/store/recent-commits.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';
import { step } from '../../../support/sample-events.ts';

async function committed(stream: string, text: string): Promise<Commit> {
  const storage = new MemoryCommitStorage();
  await new EventStore(storage, { catalogue }).append(stream, [step(text)], { expectedVersion: 0 });
  for await (const commit of storage.read(stream, { from: 1, to: 1, direction: 'forward' })) return commit;
  throw new Error('there is no commit');
}

it('a commit that was delivered is the same object, with the same events, for whoever reads it', async () => {
  const claims = new ClaimCheck(new MemoryObjectStore());
  const stored = await committed('agent-1', 'a');
  const delivered = await claims.deliver({ ...stored });
  expect(await claims.deliver({ ...stored })).toBe(delivered);
  expect(await claims.whole({ ...stored, body: Uint8Array.from(stored.body) })).toBe(delivered);
  expect(decodeCommit(delivered, catalogue)).toBe(decodeCommit(delivered, catalogue));
});

it('a commit that differs in anything is another', async () => {
  const claims = new ClaimCheck(new MemoryObjectStore());
  const stored = await committed('agent-1', 'a');
  const delivered = await claims.deliver(stored);
  const body = Uint8Array.from(stored.body);
  body[body.length - 5] = (body[body.length - 5] ?? 0) ^ 1;
  for (const other of [
    { body },
    { commitId: 'x' },
    { recordedAt: '2026-01-01T00:00:00.000Z' },
    { trace: 't' },
    { count: 2 },
  ]) {
    expect(await claims.whole({ ...stored, ...other })).not.toBe(delivered);
  }
});

it('a body that could not be had is asked for again', async () => {
  const objects = new MemoryObjectStore();
  const claims = new ClaimCheck(objects);
  const large = { ...(await committed('agent-1', 'a')), body: Buffer.from(`\0["${'x'.repeat(1_000)}"]`) };
  const claim = await claims.deposit(large);
  const get = objects.get;
  objects.get = () => Promise.reject(new UnavailableError('no network'));
  await expect(claims.deliver(claim)).rejects.toThrow('no network');
  objects.get = async () => undefined;
  expect((await claims.deliver(claim)).body).toEqual(claim.body);
  objects.get = get;
  expect((await claims.deliver(claim)).body).toEqual(large.body);
});

it('what is kept is bounded in bytes, by estimate; the newest is kept whatever it takes', async () => {
  const recent = new RecentCommits(300_000);
  const stored = await committed('agent-1', 'a');
  const sized = (version: number, bytes: number) => ({ ...stored, version, body: Buffer.alloc(bytes) });
  const commits = Array.from({ length: 50 }, (_, index) => sized(index + 1, 10_000));
  for (const commit of commits) await recent.keep(commit, Promise.resolve(commit));
  const kept = commits.filter((commit) => recent.find(commit)).length;
  expect(kept).toBeLessThan(10); // each takes 30 KB and a little more
  expect(kept).toBeGreaterThan(6);
  expect(recent.find(sized(1, 10_000))).toBeUndefined();
  expect(recent.find(sized(50, 10_000))).toBeDefined();
  const huge = sized(51, 1_000_000);
  await recent.keep(huge, Promise.resolve(huge));
  expect(recent.find(huge)).toBeDefined();
  expect(recent.find(sized(50, 10_000))).toBeUndefined();
});

it('commits come to memory in portions of 1 MB; a body in an object counts there', async () => {
  const stored = await committed('agent-1', 'a');
  const plain = (bytes: number): Commit => ({ ...stored, body: Buffer.alloc(bytes) });
  const claims = new ClaimCheck(new MemoryObjectStore());
  const claimed = await claims.deposit(plain(900_000));
  expect(claimed.body.length).toBeLessThan(1_000);
  const commits = [plain(10), plain(600_000), plain(600_000), claimed, claimed, plain(3_000_000), plain(10), plain(10)];
  const portions = [...portionsOf(commits, (commit) => commit)];
  expect(portions.map((portion) => portion.length)).toEqual([2, 1, 1, 1, 1, 2]);
  expect(portions.flat()).toEqual(commits);
});
