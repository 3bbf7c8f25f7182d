import { expect, it } from 'vitest';
import { readNewest } from '../../../api/views/read-view.ts';
import { NotFoundError } from '../../../core/base/errors.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { taskStatus } from '../../../domain/task/task-status.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { MemoryViewStore } from '../../../testing/memory/views.ts';
import { catalogue } from '../../support/application.ts';

it('answers from the history while the projector has not come to the stream', async () => {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const sources = { store, views: new MemoryViewStore(), generations: { live: async () => 1 } };
  await expect(readNewest(taskStatus, 't', sources)).rejects.toThrow(NotFoundError);
  const data = { taskId: 't', agentType: 'coder', count: 1, payload: { goal: 'x' }, deadlineSeconds: 60 };
  await store.append('task-t', [{ type: 'task.requested', data }], { expectedVersion: 0 });
  expect(await readNewest(taskStatus, 't', sources)).toMatchObject({ taskId: 't', payload: { goal: 'x' }, version: 1 });
});
