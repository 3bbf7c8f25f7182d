import { describe, expect, it, vi } from 'vitest';
import { EventStream } from '../../../../core/log/event-stream.ts';
import { EventLog } from '../../../../core/log/log.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';

async function setup(commits: number) {
  const storage = new MemoryLogStorage();
  const history = new History();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  const add = async () => writer.append([await history.commit('1')]);
  for (let n = 0; n < commits; n++) await add();
  return { log: new EventLog({ catalogue, storage, strategy: 'single' }), add };
}

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('EventStream', () => {
  it('gives the existing events, then new events, each once and in order', async () => {
    const { log, add } = await setup(5);
    const seen: number[] = [];
    const adding = (async () => {
      for (let n = 0; n < 5; n++) await add();
    })();
    for await (const event of new EventStream(log, { batchSize: 2 }).getEventIterator()) {
      seen.push(event.sequenceNumber);
      if (seen.length === 10) break;
    }
    await adding;
    expect(seen).toEqual(numbers(1, 10));
  });

  it('continues at any place where a reader stopped', async () => {
    const { log } = await setup(9);
    const seen: number[] = [];
    let after: string | undefined;
    for (const take of [1, 3, 1, 4]) {
      const reader = new EventStream(log, { after, batchSize: 4 }).getStream().getReader();
      for (let n = 0; n < take; n++) {
        const { value } = await reader.read();
        if (!value) throw new Error('the stream ended');
        seen.push(value.sequenceNumber);
        after = value.position;
      }
      await reader.cancel();
    }
    expect(seen).toEqual(numbers(1, 9));
  });

  it('fetches no event before the reader has taken all earlier events', async () => {
    const { log } = await setup(30);
    const fetches = vi.spyOn(log, 'getEventsAfter');
    const reader = new EventStream(log, { batchSize: 10 }).getStream().getReader();
    expect(fetches).toHaveBeenCalledTimes(0);
    for (let n = 0; n < 10; n++) await reader.read();
    expect(fetches).toHaveBeenCalledTimes(1);
    await reader.read();
    expect(fetches).toHaveBeenCalledTimes(2);
    await reader.cancel();
  });

  it('ends at once when it is cancelled or its signal is aborted, also during a wait', async () => {
    const { log } = await setup(0);
    const reader = new EventStream(log).getStream().getReader();
    const waiting = reader.read();
    await reader.cancel();
    expect((await waiting).done).toBe(true);
    const over = new AbortController();
    const next = new EventStream(log, { signal: over.signal }).getEventIterator().next();
    over.abort();
    expect((await next).done).toBe(true);
  });

  it('tells its reader of an error', async () => {
    const { log } = await setup(0);
    const reader = new EventStream(log, { after: 'nowhere' }).getStream().getReader();
    await expect(reader.read()).rejects.toThrow('is no position');
  });
});
