import { beforeAll, describe, expect, it } from 'vitest';
import type { CommitPlace, CommitScan, ScannedCommit } from '../../core/store/commit-scan.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { catalogue } from '../support/application.ts';
import { newStream, step, steps } from '../support/sample-events.ts';

/** The contract of a scan of all commits. */
export function commitScanContract(name: string, create: () => Promise<CommitStorage & CommitScan>): void {
  describe(`scan of all commits: ${name}`, () => {
    let storage: CommitStorage & CommitScan;
    const streams = Array.from({ length: 5 }, newStream);
    beforeAll(async () => {
      storage = await create();
      const store = new EventStore(storage, { catalogue });
      for (let round = 0; round < 30; round++) {
        for (const stream of streams) await store.append(stream, steps(1 + (round % 3)), { expectedVersion: 'any' });
      }
    });
    it('skips the notes beside the commits', async () => {
      const store = new EventStore(storage, { catalogue });
      const [stream = newStream()] = streams;
      const { toVersion } = await store.append(stream, [{ ...step('named'), id: 'named' }], { expectedVersion: 'any' });
      await store.note(stream, { commitId: 'unchanged', digest: 'AAAAAAAAAAAAAAAAAAAAAA', version: toVersion });
      expect((await scan()).map(placeOf)).toHaveLength(151);
    });

    const scan = (after?: CommitPlace) => Array.fromAsync(storage.scan(after));
    const placeOf = (scanned: ScannedCommit): CommitPlace => {
      if (!('commit' in scanned)) throw new Error(scanned.damage);
      return { stream: scanned.commit.stream, version: scanned.commit.version };
    };

    it('yields every commit once, the commits of a stream together and in order', async () => {
      const places = (await scan()).map(placeOf);
      const met = places.map(({ stream }) => stream).filter((stream, index, all) => stream !== all[index - 1]);
      expect(met.toSorted()).toEqual(streams.toSorted());
      for (const stream of streams) {
        const versions = places.filter((place) => place.stream === stream).map(({ version }) => version);
        const stored = await Array.fromAsync(
          storage.read(stream, { from: 1, to: Number.MAX_SAFE_INTEGER, direction: 'forward' }),
        );
        expect(versions).toEqual(stored.map(({ version }) => version));
      }
    });

    it('yields commits as they are stored', async () => {
      const [first] = await scan();
      if (!first || !('commit' in first)) throw new Error('no commit');
      const { stream, version } = first.commit;
      const [read] = await Array.fromAsync(storage.read(stream, { from: version, to: version, direction: 'forward' }));
      expect(first.commit).toEqual(read);
    });

    it('continues after any commit', async () => {
      const all = await scan();
      for (const index of [0, 29, 30, 70, all.length - 1]) {
        const at = all[index];
        expect(at && (await scan(placeOf(at))).map(placeOf)).toEqual(all.slice(index + 1).map(placeOf));
      }
    });
  });
}
