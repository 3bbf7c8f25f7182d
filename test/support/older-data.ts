import { SqliteCommitStorage } from '../../adapters/embedded/sqlite/commit-storage.ts';
import { openDataFolder } from '../../adapters/embedded/sqlite/database.ts';
import { type Commit, plainBody, type StoredEvent } from '../../core/store/commit.ts';

/** An event as an older Annals accepted it, also beyond the current rules. */
export interface OlderEvent {
  readonly type: string;
  readonly version: number;
  readonly data: object;
  readonly timestamp?: string;
}

/** A commit as an older Annals stored it. */
export function olderCommit(stream: string, version: number, events: readonly OlderEvent[]): Commit {
  const recordedAt = '2026-01-05T09:00:00.266Z';
  const stored = events.map(({ timestamp = recordedAt, ...event }, index) => ({
    ...{ id: `${stream}-${version + index}`, timestamp, source: 'annals' },
    ...(event as StoredEvent),
  }));
  return {
    ...{ stream, version, count: events.length, commitId: `${stream}.${version}`, keyed: false, recordedAt },
    ...{ types: [...new Set(events.map(({ type }) => type))], body: plainBody(Buffer.from(JSON.stringify(stored))) },
  };
}

/** Makes a data folder with these commits. */
export async function storeOlder(dataDir: string, commits: readonly Commit[]): Promise<void> {
  const { events, close } = openDataFolder(dataDir);
  const storage = new SqliteCommitStorage(events);
  for (const commit of commits) await storage.put(commit);
  storage.close();
  close();
}
