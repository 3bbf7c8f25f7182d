import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { StalledStreams, type StalledStreamsOptions } from '../../../../../adapters/embedded/engine/stalled-streams.ts';
import type { PositionedCommit } from '../../../../../adapters/embedded/sqlite/commit-storage.ts';
import { CorruptDataError, UnavailableError } from '../../../../../core/base/errors.ts';
import type { ProjectionFailure, Projector } from '../../../../../core/projections/projector.ts';
import type { Commit } from '../../../../../core/store/commit.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { agentStatus } from '../../../../../domain/agent/agent-status.ts';
import { MemoryCommitStorage } from '../../../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../../../support/application.ts';
import { step } from '../../../../support/sample-events.ts';

type Retry = Projector['retryOrPark'];

/** One commit of one event for each stream that is named, at positions 1, 2, 3 ... */
async function commitsOf(streams: readonly string[]): Promise<PositionedCommit[]> {
  const store = new EventStore(new MemoryCommitStorage(), { catalogue });
  const commits: Commit[] = [];
  for (const stream of streams) {
    const { fromVersion } = await store.append(stream, [step('a')], { expectedVersion: 'any' });
    commits.push(...(await Array.fromAsync(store.commits(stream, { from: fromVersion }))));
  }
  return commits.map((commit, index) => ({ position: index + 1, commit }));
}

const failureOf = ({ commit }: PositionedCommit): ProjectionFailure => ({
  projection: agentStatus,
  generation: 1,
  stream: commit.stream,
  commit,
  error: new Error('cannot be applied'),
});

/** A projector that fails for every commit it is given, in the order that the test wants. */
function setup(retryOrPark: Retry, more: Partial<StalledStreamsOptions> = {}) {
  const failures: PositionedCommit[] = [];
  const onSettled = vi.fn();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const stalled = new StalledStreams({
    projector: { apply: async () => failures.splice(0).map(failureOf), retryOrPark },
    policy: { attempts: 3, initialDelayMs: 0, maxDelayMs: 0 },
    logger,
    onSettled,
    ...more,
  });
  const fail = (commits: readonly PositionedCommit[], batch = commits) => {
    failures.push(...commits);
    return stalled.apply(batch);
  };
  return { stalled, fail, onSettled, logger };
}

const never: Retry = () => new Promise(() => {});

describe('StalledStreams', () => {
  it('returns the oldest unfinished position, whatever the order of the failures', async () => {
    const batch = await commitsOf(['agent-1', 'agent-2', 'agent-3']);
    const { stalled, fail } = setup(never);
    expect(stalled.unfinished()).toBeUndefined();
    await fail(batch.toReversed(), batch);
    expect(stalled.unfinished()).toBe(1);
  });

  it('drops a settled stream and reports it; the others stay unfinished', async () => {
    const batch = await commitsOf(['agent-1', 'agent-2']);
    const { stalled, fail, onSettled } = setup(({ stream }) =>
      stream === 'agent-1' ? Promise.resolve(undefined) : new Promise(() => {}),
    );
    await fail(batch);
    await vi.waitFor(() => expect(onSettled).toHaveBeenCalledOnce());
    expect(stalled.unfinished()).toBe(2);
  });

  it('keeps streams in retry unfinished when the server closes, also when the attempt ends afterwards', async () => {
    const attempt = Promise.withResolvers<undefined>();
    const { stalled, fail, onSettled } = setup(() => attempt.promise);
    await fail(await commitsOf(['agent-1']));
    stalled.close();
    attempt.resolve(undefined);
    await nextTurn();
    expect(stalled.unfinished()).toBe(1);
    expect(onSettled).not.toHaveBeenCalled();
  });

  it('keeps a stream unfinished when the database closes during its attempt', async () => {
    const attempt = Promise.withResolvers<undefined>();
    const { stalled, fail, logger } = setup(() => attempt.promise);
    await fail(await commitsOf(['agent-1']));
    stalled.close();
    attempt.reject(new Error('database is not open'));
    await nextTurn();
    expect(stalled.unfinished()).toBe(1);
    expect(logger.error).not.toHaveBeenCalled();
  });

  it('retries a stream again when a later commit of it failed during the attempt', async () => {
    const [first, second] = await commitsOf(['agent-1', 'agent-1']);
    if (!first || !second) throw new Error('two commits were appended');
    const attempts = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const retry = vi.fn<Retry>();
    for (const { promise } of attempts) retry.mockReturnValueOnce(promise);
    const { stalled, fail, onSettled } = setup(retry);
    await fail([first]);
    await fail([second]); // the attempt may have read the head of the stream before this commit
    attempts[0]?.resolve(undefined);
    await vi.waitFor(() => expect(retry).toHaveBeenCalledTimes(2));
    expect(stalled.unfinished()).toBe(1);
    attempts[1]?.resolve(undefined);
    await vi.waitFor(() => expect(onSettled).toHaveBeenCalledOnce());
    expect(stalled.unfinished()).toBeUndefined();
  });

  it('retries a stream until it is applied or parked, whatever the error; it logs an error once', async () => {
    const errors = [new CorruptDataError('no view'), new UnavailableError('locked'), new CorruptDataError('no view')];
    const retry = vi.fn<Retry>(async () => {
      const error = errors.shift();
      if (error) throw error;
      return undefined;
    });
    const { stalled, fail, onSettled, logger } = setup(retry);
    await fail(await commitsOf(['agent-1']));
    expect(stalled.unfinished()).toBe(1);
    await vi.waitFor(() => expect(onSettled).toHaveBeenCalledOnce());
    expect(retry).toHaveBeenCalledTimes(4);
    expect(logger.error).toHaveBeenCalledOnce();
    expect(stalled.unfinished()).toBeUndefined();
  });

  it('takes the first position of the batch when a failure names no commit of the batch', async () => {
    const batch = await commitsOf(['agent-1', 'agent-2']);
    const { stalled, fail } = setup(never);
    const [stranger] = await commitsOf(['agent-2']);
    if (!stranger) throw new Error('a commit was appended');
    await fail([stranger], batch);
    expect(stalled.unfinished()).toBe(1);
  });

  it('throws after an outage, so that the whole batch is delivered again', async () => {
    const batch = await commitsOf(['agent-1']);
    const outage = new UnavailableError('locked');
    const apply = async () => batch.map((commit) => ({ ...failureOf(commit), error: outage }));
    const { stalled } = setup(never, { projector: { apply, retryOrPark: never } });
    await expect(stalled.apply(batch)).rejects.toBe(outage);
    expect(stalled.unfinished()).toBeUndefined();
  });
});
