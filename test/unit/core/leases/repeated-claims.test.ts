import { expect, it } from 'vitest';
import { IdempotencyKeyReusedError, UnavailableError } from '../../../../core/base/errors.ts';
import { Inbox, type InboxRequest } from '../../../../core/leases/inbox.ts';
import { Leases } from '../../../../core/leases/leases.ts';
import { EventStore } from '../../../../core/store/event-store.ts';
import { taskClaims } from '../../../../domain/task/claims.ts';
import { taskDecider } from '../../../../domain/task/task.ts';
import { MemoryCommitStorage } from '../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../support/application.ts';
import { MemoryControlStore } from '../../../support/memory-control.ts';
import { passing } from '../../../support/passing-storage.ts';

const request: InboxRequest = {
  ...{ workerId: 'a', workerType: 'coder', seconds: 60, limit: 1, max: 1, waitMs: 0 },
  lists: ['coders'],
  signal: new AbortController().signal,
};

async function world() {
  const storage = new MemoryCommitStorage();
  const state = { failing: false };
  const put: typeof storage.put = (commit, given) => {
    if (state.failing) throw new UnavailableError('the storage is down');
    return storage.put(commit, given);
  };
  const store = new EventStore({ ...passing(storage), put }, { catalogue });
  const requested = { taskId: 't', agentType: 'coder', count: 1, payload: {}, deadlineSeconds: 60 };
  const offered = { taskId: 't', slot: 'slot-1', deadline: '2099-01-01T00:00:00Z' };
  const events = [
    { type: 'task.requested', data: requested },
    { type: 'task.offered', data: offered },
  ] as const;
  await store.append('task-t', events, { expectedVersion: 0 });
  const leases = new Leases({ aggregate: taskDecider, work: taskClaims, store, control: new MemoryControlStore() });
  const view = { projection: 'task-status', generation: 1, group: 'task', key: 't', version: 2, view: {} };
  const read = async () => ({ listed: [{ order: '1', view }] });
  const inbox = new Inbox({ leases, read, longestPauseMs: 20 });
  const types = async () => (await Array.fromAsync(store.read('task-t'))).map(({ type }) => type);
  return { leases, inbox, types, state };
}

it('a repeat of claims whose first request failed before the claim was written writes it', async () => {
  const { leases, inbox, types, state } = await world();
  state.failing = true;
  await expect(inbox.claim(request, { commitId: 'k' })).rejects.toThrow(UnavailableError);
  state.failing = false;
  const [claimed] = await inbox.claim(request, { commitId: 'k' });
  expect(claimed?.held).toMatchObject({ id: 't', slot: 'slot-1', fencing: 1 });
  expect(await types()).toEqual(['task.requested', 'task.offered', 'task.claimed']);
  await leases.beat({ id: 't', workerId: 'a', fencing: 1 }, 60);
});

it('claims under the key of another request are refused', async () => {
  const { inbox } = await world();
  const first = await inbox.claim(request, { commitId: 'k', digest: 'one' });
  const repeat = await inbox.claim(request, { commitId: 'k', digest: 'one' });
  expect(repeat[0]?.held).toEqual(first[0]?.held);
  await expect(inbox.claim(request, { commitId: 'k', digest: 'two' })).rejects.toThrow(IdempotencyKeyReusedError);
});
