import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import { EventLog } from '../../../../core/log/log.ts';
import type { LogStorage } from '../../../../core/log/storage.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import type { Commit } from '../../../../core/store/commit.ts';
import { catalogue } from '../../../support/application.ts';
import { History, placeOf } from '../../../support/history.ts';
import { forwarding, MemoryLogStorage } from '../../../support/memory-log.ts';
import { step } from '../../../support/sample-events.ts';

const YEAR_MS = 365 * 86_400_000;

/** A log in memory that counts its calls. */
function counted() {
  const memory = new MemoryLogStorage();
  const history = new History();
  const counts = { puts: 0, reads: 0, pages: 0, marks: 0, raised: 0 };
  const storage: LogStorage = {
    ...forwarding(memory),
    put: (page) => {
      counts.puts++;
      return memory.put(page);
    },
    async *read(partition, range) {
      counts.reads++;
      for await (const page of memory.read(partition, range)) {
        counts.pages++;
        yield page;
      }
    },
    marks: (keys) => {
      counts.marks += keys.length;
      return memory.marks(keys);
    },
    raiseMarks: (marks) => {
      counts.raised += marks.size;
      return memory.raiseMarks(marks);
    },
  };
  const newWriter = (now?: () => Date) =>
    new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single', ...(now && { now }) });
  const pages = () => Array.fromAsync(memory.read('all', { after: 0 }));
  const places = async () => {
    const log = new EventLog({ catalogue, storage: memory, strategy: 'single' });
    return (await Array.fromAsync(log.commits(undefined))).map(({ commit }) => placeOf(commit));
  };
  return { memory, history, counts, newWriter, pages, places };
}

describe('the tail of the log', () => {
  it('logs no commit again that is repeated after thousands of pages, to the same or another writer', async () => {
    const { history, newWriter, places } = counted();
    const writer = newWriter();
    for (let n = 0; n < 3_000; n++) await writer.append([await history.commit(`${n}`)]);
    await writer.append(history.written.slice(0, 50));
    await newWriter().append(history.written.slice(1_000, 1_050));
    await newWriter().append([...history.written.slice(0, 1), await history.commit('0')]);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  it('reads a bounded number of pages at a start and none at an append, however often a clock was ahead', async () => {
    const { history, counts, newWriter, places } = counted();
    let time = Date.parse('2026-01-05T09:00:00Z');
    const now = () => new Date(time);
    let writer = newWriter(now);
    for (let n = 0; n < 500; n++) {
      if (n % 100 === 50) [time, history.now] = [time + 70 * YEAR_MS, history.now + 70 * YEAR_MS];
      if (n % 100 === 51) [time, history.now] = [time - 70 * YEAR_MS, history.now - 70 * YEAR_MS];
      await writer.append([await history.commit(`${n % 300}`)]);
    }
    Object.assign(counts, { puts: 0, reads: 0, pages: 0, marks: 0, raised: 0 });
    for (let n = 0; n < 64; n++) await writer.append([await history.commit(`${n % 300}`)]);
    expect(counts).toMatchObject({ puts: 64, reads: 0, pages: 0 });
    writer = newWriter(now);
    await writer.append([await history.commit('0')]);
    expect(counts.pages).toBeLessThanOrEqual(64);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  it.each([1, 2])('logs nothing twice after a writer that died at call %i of its marking', async (fatal) => {
    const { memory, history, places } = counted();
    let calls = 0;
    const dying: LogStorage = {
      ...forwarding(memory),
      raiseMarks: async (marks) => {
        calls += 1;
        if (calls >= fatal) throw new UnavailableError('died');
        await memory.raiseMarks(marks);
      },
    };
    const newWriter = (storage: LogStorage) =>
      new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
    const writer = newWriter(dying);
    for (let n = 0; n < 31; n++) await writer.append([await history.commit(`${n}`)]);
    await expect(writer.append([await history.commit('31')])).rejects.toThrow('died');
    await newWriter(memory).append(history.written);
    expect(await places()).toEqual(history.written.map(placeOf));
  });

  it('marks a stream once for many pages, and asks once for the mark of a stream', async () => {
    const { history, counts, newWriter } = counted();
    const writer = newWriter();
    for (let n = 0; n < 320; n++) await writer.append([await history.commit(`${n % 10}`)]);
    expect(counts.raised).toBe(10 * (10 + 1)); // ten times: ten streams, and how far the marks go
    expect(counts.marks).toBe(2 + 10); // at the start; then each stream
  });

  it('lets a single writer of several mark the streams', async () => {
    const { history, counts, newWriter } = counted();
    const writers = [newWriter(), newWriter(), newWriter()];
    for (let n = 0; n < 330; n++) await writers[n % 3]?.append([await history.commit(`${n % 10}`)]);
    expect(counts.raised).toBeLessThanOrEqual(11 * (10 + 1));
  });

  it('keeps times that never fall along the chain, whatever the clock does', async () => {
    const { history, newWriter, pages } = counted();
    const times = [0, 5, -3, 70 * YEAR_MS, -70 * YEAR_MS, 9, 1];
    for (const at of times) {
      history.now = Math.max(at, 0);
      await newWriter(() => new Date(Date.parse('2026-01-05T09:00:00Z') + at)).append([await history.commit('1')]);
    }
    const written = await pages();
    for (const member of ['appendedAt', 'through'] as const) {
      const values = written.map((page) => page[member]);
      expect(values).toEqual(values.toSorted());
    }
  });

  it('logs the commits of a damaged page again with the next commit of their stream', async () => {
    const { memory, history, newWriter, pages } = counted();
    await newWriter().append([await history.commit('1')]);
    const [page] = await pages();
    if (!page) throw new Error('there is a page');
    await memory.expire('all', 1, 1);
    await memory.put({ ...page, body: Uint8Array.of(9) });
    await newWriter().append([await history.commit('1')]);
    const log = new EventLog({ catalogue, storage: memory, strategy: 'single' });
    const rest = await Array.fromAsync(log.commits('000000000001.all_2_0'));
    expect(rest.map(({ commit }) => placeOf(commit))).toEqual(history.written.map(placeOf));
  });

  it('refuses to write where the last pages are lost, for their numbers would come twice', async () => {
    const { memory, history, newWriter } = counted();
    const writer = newWriter();
    for (let n = 0; n < 33; n++) await writer.append([await history.commit('1')]);
    await memory.expire('all', 30, 33);
    await expect(newWriter().append([await history.commit('1')])).rejects.toThrow(
      "the log's partition all ends at page 29, but it had page 32: restore it from a backup",
    );
  });

  it('logs the commits of a large gap, in several pages', async () => {
    const { history, newWriter, places, pages } = counted();
    for (let n = 0; n < 2_500; n++) await history.commit('1');
    await newWriter().append(history.written.slice(-1));
    expect(await places()).toEqual(history.written.map(placeOf));
    expect(await pages()).toHaveLength(3);
  });

  it('makes no reader by type pass over a page with a damaged commit', async () => {
    const { memory, history, newWriter, pages } = counted();
    const damaged: Commit = { ...(await history.commit('1')), types: [], body: new Uint8Array([9]) };
    const created = { agentId: 'x', agentType: 'coder', configuration: {}, createdBy: 'test' };
    const whole = await history.commit('x', [{ type: 'agent.created', data: created }, step('x')]);
    await newWriter().append([whole, damaged]);
    expect((await pages())[0]?.types).toEqual([]);
    const log = new EventLog({ catalogue, storage: memory, strategy: 'single' });
    const { events, next } = await log
      .getEventsAfter(undefined, { types: ['workflow.started'] })
      .catch((error) => error);
    expect([events, next]).toEqual([undefined, '000000000003.all_2_0']);
    const first = await log.getEventsAfter(undefined, { types: ['agent.created'] });
    expect(first.events.map(({ aggregateId }) => aggregateId)).toEqual(['x']);
  });
});
