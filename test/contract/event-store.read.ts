import { expect, test } from 'vitest';
import { CorruptDataError } from '../../core/base/errors.ts';
import { decodeCommit, endOf } from '../../core/store/commit.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import type { ReadOptions } from '../../core/store/read-range.ts';
import { catalogue } from '../support/application.ts';
import { fill, newStream, noise, step, steps } from '../support/sample-events.ts';

/** Reads: ranges, directions, pages, and unchanged events. */
export function readContract(storage: () => CommitStorage): void {
  async function read(stream: string, options: ReadOptions & { limit?: number } = {}): Promise<number[]> {
    const events = await Array.fromAsync(new EventStore(storage(), { catalogue }).read(stream, options));
    for (const event of events) expect(event.data).toMatchObject({ action: String(event.sequenceNumber) });
    return events.map((event) => event.sequenceNumber);
  }

  test('a stream without events is empty in both directions', async () => {
    const stream = newStream();
    expect(await read(stream)).toEqual([]);
    expect(await read(stream, { from: 5 })).toEqual([]);
    expect(await read(stream, { direction: 'backward' })).toEqual([]);
  });

  test('every range of a stream with several commits is read in both directions', async () => {
    const stream = newStream();
    await fill(new EventStore(storage(), { catalogue }), stream, [1, 3, 4, 1]);
    for (let low = 1; low <= 10; low++) {
      for (let high = low - 1; high <= 10; high++) {
        const expected = Array.from({ length: 9 }, (_, index) => index + 1).filter((n) => n >= low && n <= high);
        expect(await read(stream, { from: low, to: high }), `${low} to ${high}`).toEqual(expected);
        const back = await read(stream, { from: high, to: low, direction: 'backward' });
        expect(back, `${high} back to ${low}`).toEqual(expected.reverse());
      }
    }
  });

  test('an open range ends at the head or at the beginning', async () => {
    const stream = newStream();
    await fill(new EventStore(storage(), { catalogue }), stream, [2, 3]);
    expect(await read(stream)).toEqual([1, 2, 3, 4, 5]);
    expect(await read(stream, { from: 4 })).toEqual([4, 5]);
    expect(await read(stream, { to: 3 })).toEqual([1, 2, 3]);
    expect(await read(stream, { direction: 'backward' })).toEqual([5, 4, 3, 2, 1]);
    expect(await read(stream, { direction: 'backward', from: 4 })).toEqual([4, 3, 2, 1]);
    expect(await read(stream, { direction: 'backward', to: 2 })).toEqual([5, 4, 3, 2]);
  });

  test('a limit ends the read, also inside a commit', async () => {
    const stream = newStream();
    await fill(new EventStore(storage(), { catalogue }), stream, [3, 3, 3]);
    expect(await read(stream, { limit: 0 })).toEqual([]);
    expect(await read(stream, { limit: 4 })).toEqual([1, 2, 3, 4]);
    expect(await read(stream, { from: 2, limit: 3 })).toEqual([2, 3, 4]);
    expect(await read(stream, { from: 8, limit: 100 })).toEqual([8, 9]);
    expect(await read(stream, { direction: 'backward', limit: 4 })).toEqual([9, 8, 7, 6]);
    expect(await read(stream, { direction: 'backward', from: 5, limit: 3 })).toEqual([5, 4, 3]);
  });

  test('the commits of a range are complete and in order', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await fill(store, stream, [2, 3, 100, 2, 3]);
    const versions = async (options: ReadOptions) =>
      (await Array.fromAsync(store.commits(stream, options))).map((commit) => [commit.version, endOf(commit)]);
    expect(await versions({ from: 4, to: 106 })).toEqual([[3, 5], [6, 105], [106, 107]]); // biome-ignore format: a list
    expect(await versions({ from: 6, to: 105 })).toEqual([[6, 105]]);
    expect(await versions({ from: 106, to: 105, direction: 'backward' })).toEqual([[106, 107], [6, 105]]); // biome-ignore format: a list
    expect(await versions({ from: 111 })).toEqual([]);
  });

  test('a stream of over 1 MB is read completely, from any version, and a reader can stop early', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    for (let version = 0; version < 6; version += 2) {
      await store.append(stream, [step(noise(250_000)), step(noise(250_000))], { expectedVersion: version });
    }
    const numbers = async (options: ReadOptions) =>
      (await Array.fromAsync(store.read(stream, options))).map((event) => event.sequenceNumber);
    expect(await numbers({})).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await numbers({ from: 2 })).toEqual([2, 3, 4, 5, 6]);
    expect(await numbers({ direction: 'backward' })).toEqual([6, 5, 4, 3, 2, 1]);
    for await (const event of store.read(stream)) {
      expect(event.sequenceNumber).toBe(1);
      break;
    }
  });

  test('events are read as they were written: any text, numbers and nesting, compressed or not', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const output = {
      text: 'Zoë 🦜 \u0000 "quoted" \\ \u2028 日本',
      numbers: [0, -1.5, 1e21, 2 ** 53 - 1],
      deep: [[[{}]]],
      no: null,
    };
    const small = {
      type: 'agent.created',
      data: { agentId: '42', agentType: 'é', configuration: output, createdBy: '🦜' },
    } as const;
    const large = { ...small, data: { ...small.data, configuration: { output, padding: 'long '.repeat(2_000) } } };
    await store.append(stream, [small], { expectedVersion: 0 });
    await store.append(stream, [large, small], { expectedVersion: 1 });
    const events = await Array.fromAsync(store.read(stream));
    expect(events.map((event) => event.data)).toEqual([small.data, large.data, small.data]);
    const [, compressed] = await Array.fromAsync(store.commits(stream));
    expect(compressed?.body.length).toBeLessThan(1_000);
  });

  test('the envelope has the values of the caller, the defaults, and the time of recording', async () => {
    const recordedAt = '2026-01-05T09:00:00.123Z';
    const store = new EventStore(storage(), { catalogue, now: () => new Date(recordedAt) });
    const stream = newStream();
    const given = { id: 'e-1', timestamp: '2020-02-29T23:59:59+01:00', source: 'me', metadata: { tag: 'x' } };
    const options = {
      expectedVersion: 0,
      defaults: { source: 'desk', correlationId: 'c-1', causationId: 'k-1' },
    } as const;
    await store.append(stream, [{ ...step('1'), ...given }, step('2')], { ...options, trace: 'Root=1-2-3' });
    const common = {
      type: 'agent.step-recorded',
      version: 2,
      correlationId: 'c-1',
      causationId: 'k-1',
      aggregateType: 'agent',
    };
    const place = { ...common, aggregateId: stream.slice('agent-'.length) };
    const [first, second] = await Array.fromAsync(store.read(stream));
    expect(first).toEqual({
      ...place,
      ...given,
      timestamp: '2020-02-29T22:59:59.000Z',
      metadata: { tag: 'x', recordedAt, trace: 'Root=1-2-3' },
      sequenceNumber: 1,
      data: { agentId: '42', action: '1' },
    });
    expect(second).toMatchObject({ ...place, source: 'desk', timestamp: recordedAt, metadata: { recordedAt } });
    const [commit] = await Array.fromAsync(store.commits(stream));
    expect(commit).toMatchObject({ stream, version: 1, count: 2, recordedAt, trace: 'Root=1-2-3' });
    expect(commit?.types).toEqual(['agent.step-recorded']);
  });

  test('a damaged body is an error with stream and version; the events before it can be read', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await store.append(stream, steps(3), { expectedVersion: 0 });
    const [good] = await Array.fromAsync(store.commits(stream));
    if (!good) throw new Error('nothing was written');
    const rotten = { ...good, version: 4, commitId: 'rotten', body: good.body.map((byte) => byte ^ 0x55) };
    expect(await storage().put(rotten)).toBeUndefined();

    expect(await Array.fromAsync(store.read(stream, { to: 3 }))).toHaveLength(3);
    const whole = Array.fromAsync(store.read(stream));
    await expect(whole).rejects.toThrow(CorruptDataError);
    await expect(whole).rejects.toThrow(new RegExp(`version 4 of stream ${stream}`));
    expect(decodeCommit(good, catalogue)).toHaveLength(3);
  });
}
