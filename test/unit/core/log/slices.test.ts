import { describe, expect, it, vi } from 'vitest';
import { EventLog, type EventLogOptions } from '../../../../core/log/log.ts';
import type { LogPage } from '../../../../core/log/page.ts';
import { WHOLE } from '../../../../core/log/partition.ts';
import type { PageRange } from '../../../../core/log/storage.ts';
import { LogWriter } from '../../../../core/log/writer.ts';
import { catalogue } from '../../../support/application.ts';
import { History } from '../../../support/history.ts';
import { endOf } from '../../../support/log-end.ts';
import { MemoryLogStorage } from '../../../support/memory-log.ts';
import { countWaitingReaders } from '../../../support/waiting-readers.ts';

/** Tells of appends, as the storage of one machine does, and lets a test do something after a look. */
class TellingStorage extends MemoryLogStorage {
  readonly #listeners = new Set<() => void>();
  afterRead: (() => Promise<void>) | undefined;
  reads = 0;

  override async put(page: LogPage): Promise<LogPage | undefined> {
    const occupant = await super.put(page);
    if (!occupant) for (const listener of this.#listeners) listener();
    return occupant;
  }

  override async *read(partition: string, range: PageRange): AsyncGenerator<LogPage> {
    this.reads += 1;
    yield* super.read(partition, range);
    if (partition !== WHOLE || !range.consistent) return; // the look at a chain ends with such a read
    const next = this.afterRead;
    this.afterRead = undefined;
    await next?.();
  }

  onAppended(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

async function setup(commits: number, options: Partial<EventLogOptions> = {}) {
  const storage = new TellingStorage();
  const history = new History();
  const writer = new LogWriter({ catalogue, storage, commits: history.commits, strategy: 'single' });
  const add = async () => writer.append([await history.commit('1')]);
  for (let n = 0; n < commits; n += 1) await add();
  return { storage, add, log: new EventLog({ catalogue, storage, strategy: 'single', ...options }) };
}

const never = 600_000;

describe('a slice of the log', () => {
  it('is answered when its time is over, and the next slice continues', async () => {
    const { log } = await setup(5, { sliceMs: 0 });
    const seen: number[] = [];
    let slices = 0;
    for (let after: string | undefined, caughtUp = false; !caughtUp; slices += 1) {
      const slice = await log.getEventsAfter(after, { limit: 1_000 });
      seen.push(...slice.events.map(({ sequenceNumber }) => sequenceNumber));
      ({ next: after, caughtUp } = slice);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(slices).toBeGreaterThanOrEqual(5);
  });

  it('is read once for all readers with the same request, until the log grows', async () => {
    const { log, storage, add } = await setup(3);
    const end = await endOf(log);
    const ask = (limit = 10) => log.getEventsAfter(end, { limit });
    storage.reads = 0;
    const [first] = await Promise.all(Array.from({ length: 100 }, () => ask()));
    const reads = storage.reads;
    expect(await ask()).toBe(first);
    expect(storage.reads).toBe(reads);
    expect(await ask(11)).not.toBe(first);
    await add();
    expect((await ask()).events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([4]);
  });

  it('has the events that were appended during the read, without a wait', async () => {
    const { log, storage, add } = await setup(1);
    const end = await endOf(log);
    storage.afterRead = add;
    const late = AbortSignal.timeout(10_000);
    const { events } = await log.getEventsAfter(end, { waitMs: never, signal: late });
    expect(events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([2]);
  });

  it('is not waited for when its time range is over', async () => {
    const { log } = await setup(1);
    const waits = vi.spyOn(globalThis, 'setTimeout');
    const slice = await log.getEventsAfter(await endOf(log), { waitMs: never, to: '2026-01-05T09:00:00.500Z' });
    expect(slice).toMatchObject({ events: [], caughtUp: true });
    expect(waits).not.toHaveBeenCalled();
    waits.mockRestore();
  });
});

describe('readers that wait', () => {
  it('are all woken by one append, and one read serves all', async () => {
    const { log, storage, add } = await setup(1);
    const waiting = countWaitingReaders();
    const after = await endOf(log);
    const followers = Array.from({ length: 500 }, () => log.getEventsAfter(after, { waitMs: never }));
    await expect.poll(waiting).toBe(500);
    storage.reads = 0;
    await add();
    const slices = await Promise.all(followers);
    expect(new Set(slices).size).toBe(1);
    expect(slices[0]?.events).toHaveLength(1);
    expect(storage.reads).toBeLessThan(10);
    expect(waiting()).toBe(0);
  });

  it('leave nothing behind when they go', async () => {
    const { log } = await setup(1);
    const waiting = countWaitingReaders();
    const gone = new AbortController();
    const after = await endOf(log);
    const followers = Array.from({ length: 10 }, () =>
      log.getEventsAfter(after, { waitMs: never, signal: gone.signal }),
    );
    await expect.poll(waiting).toBe(10);
    gone.abort();
    await Promise.all(followers);
    expect(waiting()).toBe(0);
  });
});
