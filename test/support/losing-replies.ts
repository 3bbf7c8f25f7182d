import { UnavailableError } from '../../core/base/errors.ts';
import type { CommitStorage } from '../../core/store/commit-storage.ts';
import { passing } from './passing-storage.ts';

/** The same storage with a lost reply for each successful write: the caller gets an UnavailableError. */
export function losingReplies(storage: CommitStorage): CommitStorage {
  return {
    ...passing(storage),
    async put(commit, given) {
      const occupant = await storage.put(commit, given);
      if (occupant) return occupant;
      throw new UnavailableError('the reply was lost');
    },
    async transact(change) {
      const obstacles = await storage.transact(change);
      if (obstacles) return obstacles;
      throw new UnavailableError('the reply was lost');
    },
  };
}
