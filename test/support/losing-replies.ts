import { UnavailableError } from '../../core/base/errors.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';

/** The same storage with a lost reply for each successful write: the caller gets an UnavailableError. */
export function losingReplies(storage: CommitStorage): CommitStorage {
  return {
    note: (unchanged, expiresAt) => storage.note(unchanged, expiresAt),
    async put(commit, given) {
      const occupant = await storage.put(commit, given);
      if (occupant) return occupant;
      throw new UnavailableError('the reply was lost');
    },
    head: (stream) => storage.head(stream),
    find: (stream, commitId) => storage.find(stream, commitId),
    read: (stream, range) => storage.read(stream, range),
  };
}
