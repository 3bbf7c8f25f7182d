import { describe, expect, it, vi } from 'vitest';
import { CorruptDataError, UnavailableError } from '../../../../../core/base/errors.ts';
import { SagaRunner } from '../../../../../core/sagas/embedded-runner/runner.ts';
import { SagaExecution } from '../../../../../core/sagas/execution.ts';
import type { AnySaga } from '../../../../../core/sagas/saga.ts';
import { handleCommand } from '../../../../../core/state/decider.ts';
import { decodeCommit } from '../../../../../core/store/commit.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { multiAgentTask } from '../../../../../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../../../../../domain/task/task.ts';
import { MemoryCommitStorage } from '../../../../../testing/memory/commit-storage.ts';
import { MemorySagaIndex, MemorySagaMarks } from '../../../../../testing/memory/sagas.ts';
import { catalogue } from '../../../../support/application.ts';

/** A runner, fed by hand. */
function world(saga: AnySaga) {
  let now = Date.parse('2026-01-05T09:00:00.000Z');
  const clock = () => new Date(now);
  const store = new EventStore(new MemoryCommitStorage(), { catalogue, now: clock });
  const logger = { error: vi.fn() };
  const marks = new MemorySagaMarks();
  const runner = new SagaRunner({
    execution: new SagaExecution({ sagas: [saga], store, now: clock }),
    index: new MemorySagaIndex(),
    marks,
    policy: { attempts: 1, initialDelayMs: 0, maxDelayMs: 0 },
    logger,
    now: clock,
  });
  const feed = async (stream: string) => runner.apply(await Array.fromAsync(store.commits(stream)));
  const request = async (taskId: string) => {
    const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 };
    await handleCommand(store, taskDecider, taskId, { kind: 'request', ...order }, { now: clock });
    await feed(`task-${taskId}`);
    await feed(`saga-multi-agent-task:${taskId}`);
  };
  const types = async (stream: string) =>
    (await Array.fromAsync(store.commits(stream)))
      .flatMap((commit) => decodeCommit(commit, catalogue))
      .map(({ type }) => type);
  const pass = (seconds: number) => {
    now += seconds * 1_000;
  };
  return { runner, logger, marks, store, request, types, pass };
}

describe('the saga runner', () => {
  it('leaves a saga alone for a while that is at fault when it is woken, and wakes the others', async () => {
    const [step] = multiAgentTask.steps;
    if (!step) throw new Error('no step');
    const broken = { input: { taskId: 'broken' } };
    const of = ({ input }: typeof broken) => {
      if (input.taskId === 'broken') throw new TypeError('a fault of the declaration');
      return 0;
    };
    const saga = { ...multiAgentTask, steps: [{ ...step, retries: { ...step.retries, of } }] } as AnySaga;
    const { runner, logger, request, types, pass } = world(saga);
    await request('broken');
    await request('t-1');
    pass(61);
    const next = await runner.wake();
    expect(next).toEqual(new Date('2026-01-05T09:02:01.000Z'));
    expect(logger.error).toHaveBeenCalledExactlyOnceWith(
      'a saga that is due fails; it is tried again every minute',
      expect.objectContaining({ sagaId: 'multi-agent-task:broken' }),
    );
    expect(await types('saga-multi-agent-task:t-1')).toContain('saga.compensating');
  });

  it('parks a stream that a saga cannot take, passes over its later events, and takes all of them in a redrive', async () => {
    let faults = 2;
    const input: typeof multiAgentTask.input = (event) => {
      if (event.data.taskId === 't-1' && faults-- > 0) throw new TypeError('a fault of the declaration');
      return multiAgentTask.input(event);
    };
    const { runner, marks, store, request, types } = world({ ...multiAgentTask, input } as AnySaga);
    await request('t-1');
    const part = { kind: 'complete', agentId: 'a', result: 1, duration: 1, resources: {} } as const;
    await handleCommand(store, taskDecider, 't-1', part);
    const commits = await Array.fromAsync(store.commits('task-t-1'));
    await runner.apply(commits.slice(-1)); // the answer comes while the start is not taken
    await request('t-2'); // other streams go on
    expect(await types('saga-multi-agent-task:t-2')).toContain('saga.started');
    expect(await types('saga-multi-agent-task:t-1')).toEqual([]);
    expect(marks.failures.get('task-t-1')).toMatchObject({
      version: 1,
      event: { type: 'task.requested' },
      error: expect.any(TypeError),
    });
    expect(runner.parked).toBe(1);
    expect(await runner.redrive('task-t-1')).toEqual({ from: 0, to: 0 }); // it fails once more
    expect(runner.parked).toBe(1);
    expect(await runner.redrive('task-t-1')).toEqual({ from: 0, to: 2 });
    expect([runner.parked, marks.failures.size]).toEqual([0, 0]);
    await runner.apply(await Array.fromAsync(store.commits('saga-multi-agent-task:t-1')));
    expect(await types('saga-multi-agent-task:t-1')).toEqual([
      'saga.started',
      'saga.step-started',
      'saga.step-completed',
      'multi-agent-task.completed',
      'saga.completed',
    ]);
  });

  it('has a commit delivered again that it could neither take nor park', async () => {
    const input: typeof multiAgentTask.input = () => {
      throw new TypeError('a fault of the declaration');
    };
    const { runner, marks, store, types } = world({ ...multiAgentTask, input } as AnySaga);
    const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 };
    await handleCommand(store, taskDecider, 't-1', { kind: 'request', ...order });
    const commits = await Array.fromAsync(store.commits('task-t-1'));
    vi.spyOn(marks, 'park').mockRejectedValueOnce(new UnavailableError('the disk is full'));
    await expect(runner.apply(commits)).rejects.toThrow(UnavailableError);
    expect(runner.parked).toBe(0);
    await runner.apply(commits);
    expect([runner.parked, [...marks.failures.keys()]]).toEqual([1, ['task-t-1']]);
    expect(await types('saga-multi-agent-task:t-1')).toEqual([]);
  });

  it('knows after a restart which streams wait', async () => {
    const { runner, marks, request, types } = world(multiAgentTask);
    marks.failures.set('task-t-1', { version: 1, error: new Error('earlier') });
    await request('t-1');
    expect(await types('saga-multi-agent-task:t-1')).toEqual([]);
    expect(await runner.redrive('task-t-1')).toEqual({ from: 0, to: 1 });
    expect(await types('saga-multi-agent-task:t-1')).toContain('saga.started');
  });

  it.each([
    ['with its types', {}],
    ['without types', { types: [] }],
  ])(
    'parks the stream of an unreadable commit %s, and takes it in order once it is repaired and redriven',
    async (_, change) => {
      const { runner, marks, store, request, types } = world(multiAgentTask);
      const rubbish = new Uint8Array([9, 9]);
      const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 600 };
      await handleCommand(store, taskDecider, 't-2', { kind: 'request', ...order });
      const part = { kind: 'complete', agentId: 'a', result: 1, duration: 1, resources: {} } as const;
      await handleCommand(store, taskDecider, 't-2', part);
      const [start, answer] = await Array.fromAsync(store.commits('task-t-2'));
      if (!start || !answer) throw new Error('no commits');
      const repaired = vi.spyOn(store, 'commits');
      repaired.mockImplementation(async function* () {
        yield { ...start, ...change, body: rubbish };
      });
      await runner.apply([{ ...start, ...change, body: rubbish }, answer]);
      repaired.mockRestore();
      expect(marks.failures.get('task-t-2')).toEqual({ version: 1, error: expect.any(CorruptDataError) });
      await request('t-1'); // other streams go on
      expect(await types('saga-multi-agent-task:t-1')).toContain('saga.started');
      expect(await types('saga-multi-agent-task:t-2')).toEqual([]);

      expect(await runner.redrive('task-t-2')).toEqual({ from: 0, to: 2 });
      expect((await types('saga-multi-agent-task:t-2')).at(-1)).toBe('saga.completed');
    },
  );

  it('takes a readable commit whose list of types is lost, and no note without events', async () => {
    const { runner, logger, store, types } = world(multiAgentTask);
    const order = { requiredAgents: ['a'], payload: {}, deadlineSeconds: 600 };
    await handleCommand(store, taskDecider, 't-1', { kind: 'request', ...order });
    const [start] = await Array.fromAsync(store.commits('task-t-1'));
    if (!start) throw new Error('no commit');
    await runner.apply([
      { ...start, types: [], count: 0, body: new Uint8Array() },
      { ...start, types: [] },
    ]);
    expect(await types('saga-multi-agent-task:t-1')).toContain('saga.started');
    expect(logger.error).not.toHaveBeenCalled();
  });
});
