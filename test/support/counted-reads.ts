import type { Commit } from '../../core/store/commit.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { passing } from './passing-storage.ts';

/** The cost of reads of a storage in units of DynamoDB: one for each 4 KB of a request, at least one. */
export interface CountedReads {
  requests: number;
  units: number;
}

const weightOf = ({ body, types, stream }: Commit): number => 200 + stream.length + types.join().length + body.length;

/** A storage whose reads are counted. */
export function countedReads(storage: CommitStorage): { storage: CommitStorage; reads: CountedReads } {
  const reads: CountedReads = { requests: 0, units: 0 };
  const note = (bytes: number): void => {
    reads.requests++;
    reads.units += Math.max(1, Math.ceil(bytes / 4_096));
  };
  const counted: CommitStorage = {
    ...passing(storage),
    async head(stream) {
      note(0);
      return storage.head(stream);
    },
    async find(stream, commitId) {
      const found = await storage.find(stream, commitId);
      note(found ? weightOf(found) : 0);
      return found;
    },
    async *read(stream, range) {
      let bytes = 0;
      try {
        for await (const commit of storage.read(stream, range)) {
          bytes += weightOf(commit);
          yield commit;
        }
      } finally {
        note(bytes);
      }
    },
  };
  return { storage: counted, reads };
}
