import { setImmediate } from 'node:timers/promises';
import { ulid } from 'ulid';
import { expect, test } from 'vitest';
import { IdempotencyKeyReusedError, UnavailableError } from '../../core/base/errors.ts';
import type { ExpectedVersion } from '../../core/base/versions.ts';
import type { AppendResult } from '../../core/store/append-result.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { catalogue } from '../support/application.ts';
import { losingReplies } from '../support/losing-replies.ts';
import { passing } from '../support/passing-storage.ts';
import { fill, newStream, steps } from '../support/sample-events.ts';

const anyExpectation: readonly ExpectedVersion[] = [0, 2, 'any', 'exists'];

/** A repeat under a commit id gets the result of the first append, and writes nothing. */
export function idempotencyContract(storage: () => CommitStorage): void {
  for (const first of anyExpectation) {
    test(`a repeat of an append at ${first} gives the original result, under any expected version`, async () => {
      const store = new EventStore(storage(), { catalogue });
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
      const store = new EventStore(storage(), { catalogue });
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
      const store = new EventStore(storage(), { catalogue });
      const lossy = new EventStore(losingReplies(storage()), { catalogue });
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
    const store = new EventStore(storage(), { catalogue });
    const options = { expectedVersion: 'any', commitId: 'key' } as const;
    const [streamA, streamB] = [newStream(), newStream()];
    expect(await store.append(streamA, steps(1), options)).toMatchObject({ repeated: false });
    expect(await store.append(streamB, steps(1), options)).toMatchObject({ repeated: false });
  });

  test('appends without a commit id are never repeats of each other', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await store.append(stream, steps(1), { expectedVersion: 'any' });
    expect(await store.append(stream, steps(1), { expectedVersion: 'any' })).toMatchObject({ repeated: false });
    expect(await store.head(stream)).toBe(2);
  });

  test('a commit is found only by the id of its caller', async () => {
    const store = new EventStore(storage(), { catalogue });
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

  const [DIGEST, OTHER] = ['AAAAAAAAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBBBBBBBA'];

  test('a commit id belongs to one request: another digest is refused, and nothing is written', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const commitId = ulid();
    const append = (expectedVersion: ExpectedVersion, digest?: string, headKnown = false) =>
      store.append(stream, steps(1), { expectedVersion, commitId, digest, headKnown });
    const first = await append(0, DIGEST);
    for (const expectedVersion of [...anyExpectation, 1]) {
      await expect(append(expectedVersion, OTHER), `at ${expectedVersion}`).rejects.toThrow(IdempotencyKeyReusedError);
      expect(await append(expectedVersion, DIGEST)).toEqual({ ...first, repeated: true });
      // Without a digest on either side, the requests count as equal.
      expect(await append(expectedVersion)).toEqual({ ...first, repeated: true });
    }
    expect((await store.findCommit(stream, commitId))?.digest).toBe(DIGEST);
    expect(await store.head(stream)).toBe(1);
  });

  test('a commit without a digest is repeated for any digest', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    const first = await store.append(stream, steps(1), { expectedVersion: 0, commitId: 'key' });
    const options = { expectedVersion: 'any', commitId: 'key', digest: DIGEST } as const;
    expect(await store.append(stream, steps(1), options)).toEqual({ ...first, repeated: true });
  });

  test('a request that changed nothing is found only by its key', async () => {
    const store = new EventStore(storage(), { catalogue });
    const stream = newStream();
    await fill(store, stream, [2, 1]);
    const key = ulid();
    await store.note(stream, { commitId: key, digest: DIGEST, version: 3 });
    await store.note(stream, { commitId: key, digest: OTHER, version: 3 }); // the first note stays
    const note = await store.findCommit(stream, key);
    expect(note).toMatchObject({ stream, version: 4, count: 0, commitId: key, keyed: true, digest: DIGEST });
    expect(await store.head(stream)).toBe(3);
    for (const direction of ['forward', 'backward'] as const) {
      expect(await Array.fromAsync(store.read(stream, { direction }))).toHaveLength(3);
      expect(await Array.fromAsync(store.commits(stream, { direction, limit: 5 }))).toHaveLength(2);
    }
    const append = { expectedVersion: 'any', commitId: key } as const;
    for (const digest of [OTHER, DIGEST]) {
      // An append always changes something, so it is another request.
      await expect(store.append(stream, steps(1), { ...append, digest })).rejects.toThrow(IdempotencyKeyReusedError);
    }
    expect(await store.append(stream, steps(1), { expectedVersion: 3 })).toMatchObject({ fromVersion: 4 });
  });

  test('a commit of the same request between the reads of head and key is a repeat, not a conflict', async () => {
    const stream = newStream();
    const plain = new EventStore(storage(), { catalogue });
    await fill(plain, stream, [1]);
    const options = { expectedVersion: 1, commitId: 'key' } as const;
    let landed: Promise<AppendResult> | undefined;
    // The key is read before the commit of the same request is written, the head after it.
    const store = new EventStore(
      {
        ...passing(storage()),
        async find(...place) {
          const found = await storage().find(...place);
          landed ??= plain.append(stream, steps(1), options);
          await landed;
          return found;
        },
        async head(of) {
          while (!landed) await setImmediate();
          await landed;
          return storage().head(of);
        },
      },
      { catalogue },
    );
    const result = await store.append(stream, steps(1), options);
    expect(result).toEqual({ ...(await landed), repeated: true });
    expect(await plain.head(stream)).toBe(2);
  });

  for (const expectedVersion of ['any', 'exists'] as const) {
    test(`a commit of the same request during the read of the head is a repeat at ${expectedVersion}, not a second commit`, async () => {
      const stream = newStream();
      const plain = new EventStore(storage(), { catalogue });
      await fill(plain, stream, [1]);
      const options = { expectedVersion, commitId: 'key' };
      let landed: AppendResult | undefined;
      const store = new EventStore(
        {
          ...passing(storage()),
          async head(of) {
            await setImmediate(); // a simultaneous read of the key is over now
            await setImmediate();
            landed ??= await plain.append(stream, steps(1), options);
            return storage().head(of);
          },
          find: (...place) => storage().find(...place),
        },
        { catalogue },
      );
      expect(await store.append(stream, steps(1), options)).toEqual({ ...landed, repeated: true });
      expect(await plain.head(stream)).toBe(2);
    });
  }
}
