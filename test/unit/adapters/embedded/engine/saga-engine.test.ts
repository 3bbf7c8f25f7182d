import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { createEngine } from '../../../../../adapters/embedded/engine/engine.ts';
import type { AnySaga } from '../../../../../core/sagas/saga.ts';
import { handleCommand } from '../../../../../core/state/decider.ts';
import { multiAgentTask } from '../../../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../../../domain/task/task.ts';
import { catalogue } from '../../../../support/application.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const parent = temporaryFolder();

it('parks a commit that a saga cannot take, and takes it at a redrive after the code is repaired', async () => {
  const dataDir = join(parent, 'sagas');
  const open = (saga: AnySaga) => {
    const logger = { warn: vi.fn(), error: vi.fn() };
    const engine = createEngine({ catalogue, dataDir, projections: [], sagas: [saga], logger });
    engine.start();
    const status = async (taskId: string) =>
      (await Array.fromAsync(engine.store.read(`saga-multi-agent-task:${taskId}`))).map(({ type }) => type).slice(0, 1);
    return { engine, logger, status };
  };
  const broken: typeof multiAgentTask.input = (event) => {
    if (event.data.taskId === 'broken') throw new TypeError('a fault of the declaration');
    return multiAgentTask.input(event);
  };
  const first = open({ ...multiAgentTask, input: broken } as AnySaga);
  for (const taskId of ['broken', 't-1', 't-2']) {
    const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 };
    await handleCommand(first.engine.store, taskDecider, taskId, { kind: 'request', ...order });
  }
  await vi.waitFor(async () => expect(await first.status('t-2')).toEqual(['saga.started']), { timeout: 10_000 });
  expect(await first.status('broken')).toEqual([]);
  expect(first.logger.error).toHaveBeenCalledOnce();
  expect(first.engine.health()).toMatchObject({
    status: 'degraded',
    checks: { sagas: 'failing' },
    reasons: [expect.stringContaining('1 stream waits as dead letters of the sagas')],
  });
  await first.engine.close();

  const second = open(multiAgentTask);
  await vi.waitFor(() => expect(second.engine.health().status).toBe('degraded'));
  const [letter, ...others] = await Array.fromAsync(second.engine.deadLetters.list('sagas'));
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    id: 'sagas:task-broken',
    applied: 0,
    parked: { version: 1, eventType: 'task.requested', error: expect.stringContaining('a fault of the declaration') },
  });
  expect(await second.engine.deadLetters.preview('sagas:task-broken')).toMatchObject({ from: 0, to: 1 });
  expect(await second.engine.deadLetters.redrive('sagas:task-broken')).toEqual({
    ...{ id: 'sagas:task-broken', from: 0, to: 1 },
  });
  expect(second.engine.health().status).toBe('ok');
  await vi.waitFor(async () => expect(await second.status('broken')).toEqual(['saga.started']), { timeout: 10_000 });
  await second.engine.close();
});

it('is degraded by an unreadable commit, and starts its saga after the commit is repaired', async () => {
  const dataDir = join(parent, 'unreadable');
  const change = (sql: string, ...values: (string | Uint8Array)[]) => {
    const database = new DatabaseSync(join(dataDir, 'events.sqlite'));
    const row = database.prepare(sql).get(...values);
    database.close();
    return row;
  };
  const open = () => {
    const logger = { warn: vi.fn(), error: vi.fn() };
    return createEngine({ catalogue, dataDir, projections: [], sagas: [multiAgentTask], logger });
  };
  const writer = open(); // its sagas are not started
  for (const taskId of ['t-1', 't-2']) {
    const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 600 };
    await handleCommand(writer.store, taskDecider, taskId, { kind: 'request', ...order });
  }
  await writer.close();
  const before = change(`SELECT body FROM commits WHERE stream = 'task-t-1'`)?.['body'] as Uint8Array;
  change(`UPDATE commits SET body = x'07', types = '[]' WHERE stream = 'task-t-1'`);

  const started = async ({ store }: typeof writer, taskId: string) =>
    (await Array.fromAsync(store.commits(`saga-multi-agent-task:${taskId}`))).length > 0;
  for (let start = 0; start < 2; start += 1) {
    const damaged = open();
    damaged.start();
    await vi.waitFor(async () => expect(await started(damaged, 't-2')).toBe(true), { timeout: 10_000 });
    const data = start === 0 ? 'failing' : 'ok'; // a stream that waits is not read again
    await vi.waitFor(() =>
      expect(damaged.health()).toMatchObject({ status: 'degraded', checks: { sagas: 'failing', data } }),
    );
    expect(await started(damaged, 't-1')).toBe(false);
    expect(await damaged.deadLetters.redrive('sagas:task-t-1')).toMatchObject({
      parked: { version: 1, attempts: Array.from({ length: start + 2 }, () => expect.anything()) },
    });
    await damaged.close();
  }

  change(`UPDATE commits SET body = ? WHERE stream = 'task-t-1'`, before);
  const repaired = open();
  repaired.start();
  const { results } = await repaired.deadLetters.redriveAll({
    ...{ projection: 'sagas', limit: 10, preview: false, deadline: new Date(Date.now() + 60_000) },
  });
  expect(results).toEqual([{ id: 'sagas:task-t-1', from: 0, to: 1 }]);
  expect(await started(repaired, 't-1')).toBe(true);
  await repaired.close();
});
