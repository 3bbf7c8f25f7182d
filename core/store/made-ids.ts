import { decodeTime, isValid } from 'ulid';
import { CorruptDataError } from '../base/errors.ts';
import { type Commit, endOf, eventIdsOf } from './commit.ts';
import type { CommitStorage } from './commit-storage.ts';

/** Between the time in an id that Annals made and the time of its commit: milliseconds, and some more for a clock that was set. */
const SLACK_MS = 1_000;

/**
 * Which of these ids Annals made for earlier events of a stream. No note is kept of such an id: it is a ULID, so it says
 * when its commit was stored, and a caller learns of it after that. So a look before the write finds it.
 * @param head the version of the stream; later events are not looked at
 * @returns the sequence number of each
 */
export async function madeBefore(
  storage: CommitStorage,
  stream: string,
  head: number,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const bySecond = Map.groupBy([...ids].filter(isValid), (id) => Math.floor(decodeTime(id) / 1_000));
  for (const [second, group] of bySecond) {
    const wanted = new Set(group);
    const from = await firstSince(storage, stream, head, second * 1_000 - SLACK_MS);
    if (from > head) continue;
    for await (const commit of storage.read(stream, { from, to: head, direction: 'forward', startsCommit: true })) {
      if (Date.parse(commit.recordedAt) >= (second + 1) * 1_000 + SLACK_MS) break;
      for (const [index, id] of readableIds(commit).entries())
        if (wanted.has(id)) found.set(id, commit.version + index);
    }
  }
  return found;
}

/** Where the first commit since a time starts, `head + 1` if none does. From the end on, for most ids are young. */
async function firstSince(storage: CommitStorage, stream: string, head: number, since: number): Promise<number> {
  let [low, high, step] = [1, head + 1, 1];
  while (low < high) {
    const probe = Math.max(Math.floor((low + high) / 2), high - step);
    const range = { from: probe, to: probe, direction: 'backward', limit: 1 } as const;
    let older = probe; // when a damaged store has no commit there
    for await (const commit of storage.read(stream, range)) {
      older = endOf(commit);
      if (Date.parse(commit.recordedAt) >= since) [high, step, older] = [commit.version, step * 2, 0];
    }
    low = Math.max(low, older + 1);
  }
  return high;
}

/** None of a damaged commit: damage does not keep others from appending. */
function readableIds(commit: Commit): readonly string[] {
  try {
    return eventIdsOf(commit);
  } catch (error) {
    if (error instanceof CorruptDataError) return [];
    throw error;
  }
}
