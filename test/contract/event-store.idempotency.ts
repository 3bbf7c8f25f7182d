import { expect, test } from 'vitest';
import { UnavailableError } from '../../core/base/errors.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore, type ExpectedVersion } from '../../core/store/event-store.ts';
import { losingReplies } from '../support/memory-storage.ts';
import { fill, newStream, steps } from '../support/sample-events.ts';

const anyExpectation: readonly ExpectedVersion[] = [0, 2, 'any', 'exists'];

/** Repeats under one commit id: the first one's result, whatever happened in between, and nothing written. */
export function idempotencyContract(storage: () => CommitStorage): void {
  for (const first of anyExpectation) {
    test(`a repeat of an append at ${first} gives the original result, under any expected version`, async () => {
      const store = new EventStore(storage());
      const stream = newStream();
      if (first !== 0) await fill(store, stream, [2]);
      const original = await store.append(stream, steps(3), { expectedVersion: first, commitId: 'key' });
      expect(original.repeated).toBe(false);
      for (const expectedVersion of anyExpectation) {
        const repeat = await store.append(stream, steps(3), { expectedVersion, commitId: 'key' });
        expect(repeat, `repeated at ${expectedVersion}`).toEqual({ ...original, repeated: true });
      }
      expect(await store.head(stream)).toBe(original.toVersion);
    });

    test(`a repeat of an append at ${first} gives the original result after other commits`, async () => {
      const store = new EventStore(storage());
      const stream = newStream();
      if (first !== 0) await fill(store, stream, [2]);
      const original = await store.append(stream, steps(2), { expectedVersion: first, commitId: 'key' });
      const others = [
        { expectedVersion: 'any' },
        { expectedVersion: 'any', commitId: 'other' },
        { expectedVersion: 'any', commitId: 'key2' },
      ] as const;
      for (const options of others)
        expect(await store.append(stream, steps(2), options)).toMatchObject({ repeated: false });
      const head = original.toVersion + 6;
      for (const expectedVersion of [...anyExpectation, original.toVersion, head]) {
        const repeat = await store.append(stream, steps(2), { expectedVersion, commitId: 'key' });
        expect(repeat, `repeated at ${expectedVersion}`).toEqual({ ...original, repeated: true });
      }
      expect(await store.head(stream)).toBe(head);
    });

    test(`when the reply to an append at ${first} is lost, its repeat finds what was written`, async () => {
      const store = new EventStore(storage());
      const lossy = new EventStore(losingReplies(storage()));
      const stream = newStream();
      if (first !== 0) await fill(store, stream, [2]);
      const options = { expectedVersion: first, commitId: 'key' };
      await expect(lossy.append(stream, steps(2), options)).rejects.toThrow(UnavailableError);
      const written = await Array.fromAsync(store.read(stream, { from: first === 0 ? 1 : 3 }));

      const repeat = await lossy.append(stream, steps(2), options);
      expect(repeat).toMatchObject({ repeated: true, eventIds: written.map((event) => event.id) });
      expect(repeat.toVersion).toBe(await store.head(stream));
      expect(written).toHaveLength(2);
    });
  }

  test('a commit id belongs to its stream', async () => {
    const store = new EventStore(storage());
    const options = { expectedVersion: 'any', commitId: 'key' } as const;
    const [one, two] = [newStream(), newStream()];
    expect(await store.append(one, steps(1), options)).toMatchObject({ repeated: false });
    expect(await store.append(two, steps(1), options)).toMatchObject({ repeated: false });
  });

  test('appends without a commit id are never taken for each other', async () => {
    const store = new EventStore(storage());
    const stream = newStream();
    await store.append(stream, steps(1), { expectedVersion: 'any' });
    expect(await store.append(stream, steps(1), { expectedVersion: 'any' })).toMatchObject({ repeated: false });
    expect(await store.head(stream)).toBe(2);
  });

  test('a commit is found by the id its caller gave it, and by no other', async () => {
    const store = new EventStore(storage());
    const stream = newStream();
    await store.append(stream, steps(2), { expectedVersion: 0 });
    await store.append(stream, steps(3), { expectedVersion: 2, commitId: 'key' });
    const [unkeyed, keyed] = await Array.fromAsync(store.commits(stream));
    expect(unkeyed).toMatchObject({ keyed: false });
    expect(await store.findCommit(stream, 'key')).toEqual(keyed);
    expect(keyed).toMatchObject({ stream, version: 3, count: 3, commitId: 'key', keyed: true });
    for (const commitId of ['ke', 'key2', 'KEY', unkeyed?.commitId ?? '']) {
      expect(await store.findCommit(stream, commitId), commitId).toBeUndefined();
    }
    expect(await store.findCommit(newStream(), 'key')).toBeUndefined();
  });
}
