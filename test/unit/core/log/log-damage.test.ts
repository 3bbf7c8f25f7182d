import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../../api/http/problem.ts';
import { CorruptDataError } from '../../../../core/base/errors.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';

describe('a commit in the log that cannot be read', () => {
  it('is reported after the events before it, with the position to continue after', async () => {
    const storage = new MemoryLogStorage();
    const history = new History();
    const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
    const commits = [await history.commit('1', 2), await history.commit('2', 3), await history.commit('1', 2)];
    const damaged = commits.map((commit, index) => (index === 1 ? { ...commit, body: new Uint8Array([9]) } : commit));
    await writer.append(damaged);
    const log = new EventLog({ catalogue, storage, strategy: 'single' });

    const before = await log.getEventsAfter(undefined);
    expect(before.events.map(({ aggregateId }) => aggregateId)).toEqual(['1', '1']);
    expect(before.caughtUp).toBe(false);
    const error = await log.getEventsAfter(before.next).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CorruptDataError);
    expect(error).toHaveProperty('message', 'the commit at version 1 of stream agent-2 cannot be read');
    const { next, code } = problemOf(error);
    expect(code).toBe('CORRUPT_DATA');
    const after = await log.getEventsAfter(next);
    expect(after.events.map(({ aggregateId, sequenceNumber }) => [aggregateId, sequenceNumber])).toEqual([
      ['1', 3],
      ['1', 4],
    ]);
    expect(after.caughtUp).toBe(true);
  });
});
