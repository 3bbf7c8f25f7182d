import { expect, test } from 'vitest';
import { ConcurrencyError } from '../../core/base/errors.ts';
import type { AppendResult } from '../../core/store/append-result.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { catalogue } from '../support/application.ts';
import { fill, newStream, steps } from '../support/sample-events.ts';

const WRITERS = 8;

/** Writers at the same time, each with another store as in separate processes. */
export function concurrencyContract(storage: () => CommitStorage): void {
  const race = (append: (store: EventStore, writer: number) => Promise<AppendResult>) =>
    Promise.allSettled(
      Array.from({ length: WRITERS }, (_, writer) => append(new EventStore(storage(), { catalogue }), writer)),
    );

  for (const headKnown of [true, false]) {
    test(`one of ${WRITERS} writers at the same version wins (head known: ${headKnown})`, async () => {
      const store = new EventStore(storage(), { catalogue });
      const stream = newStream();
      await fill(store, stream, [2]);
      const options = { expectedVersion: 2, headKnown };
      const settled = await race((store, writer) => store.append(stream, steps(writer + 1), options));

      const [won, ...more] = settled.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
      expect(more).toEqual([]);
      const lost = settled.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
      expect(lost).toHaveLength(WRITERS - 1);
      for (const error of lost) {
        expect(error).toBeInstanceOf(ConcurrencyError);
        expect(error).toMatchObject({ expectedVersion: 2, actualVersion: won?.toVersion });
      }
      const events = await Array.fromAsync(store.read(stream, { from: 3 }));
      expect(events.map((event) => event.id)).toEqual(won?.eventIds);
    });
  }

  test(`${WRITERS} writers at "any" all win, and their commits are complete and without gaps`, async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const settled = await race((store, writer) =>
      store.append(stream, steps(1 + (writer % 3)), { expectedVersion: 'any' }),
    );

    const won = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(WRITERS);
    const inOrder = won.toSorted((a, b) => a.fromVersion - b.fromVersion).flatMap((result) => result.eventIds);
    const events = await Array.fromAsync(store.read(stream));
    expect(events.map((event) => event.id)).toEqual(inOrder);
    expect(events.map((event) => event.sequenceNumber)).toEqual(events.map((_, index) => index + 1));
  });

  for (const expectedVersion of [2, 'any', 'exists'] as const) {
    test(`${WRITERS} writers with one commit id at ${expectedVersion} make one commit and get the same result`, async () => {
      const store = new EventStore(storage(), { catalogue });
      const stream = newStream();
      await fill(store, stream, [2]);
      const options = { expectedVersion, commitId: 'key' };
      const settled = await race((store) => store.append(stream, steps(2), options));

      expect(settled.filter((result) => result.status === 'rejected')).toEqual([]);
      const results = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(results.filter((result) => !result.repeated)).toHaveLength(1);
      expect(new Set(results.map((result) => JSON.stringify({ ...result, repeated: false }))).size).toBe(1);
      expect(await store.head(stream)).toBe(4);
    });
  }

  test('repeats under one commit id among other writers make one commit', async () => {
    const stream = newStream();
    const settled = await race((store, writer) =>
      store.append(
        stream,
        steps(2),
        writer % 2 ? { expectedVersion: 'any', commitId: 'key' } : { expectedVersion: 'any' },
      ),
    );
    expect(settled.filter((result) => result.status === 'rejected')).toEqual([]);
    const store = new EventStore(storage(), { catalogue });
    const commits = await Array.fromAsync(store.commits(stream));
    expect(commits.filter((commit) => commit.keyed)).toHaveLength(1);
    expect(commits).toHaveLength(WRITERS / 2 + 1);
    expect(await store.head(stream)).toBe(WRITERS + 2);
  });
}
