import type { CommitStorage } from '../../core/store/commit-storage.ts';

/** The calls of a storage, for tests that replace some of them. */
export function passing(storage: CommitStorage): CommitStorage {
  return {
    put: (commit, given) => storage.put(commit, given),
    head: (stream) => storage.head(stream),
    find: (stream, commitId) => storage.find(stream, commitId),
    note: (unchanged, expiresAt) => storage.note(unchanged, expiresAt),
    read: (stream, range) => storage.read(stream, range),
    transact: (change) => storage.transact(change),
    findMark: (id) => storage.findMark(id),
    tagHead: (tag) => storage.tagHead(tag),
    tagged: (tag, after) => storage.tagged(tag, after),
  };
}
