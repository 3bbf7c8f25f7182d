import { CorruptDataError } from '../base/errors.ts';
import { type Commit, endOf } from '../store/commit.ts';
import type { CommitStorage } from '../store/commit-storage.ts';
import type { LogPages } from './chain.ts';
import type { LogTail } from './tail.ts';

/** The parts that gaps are filled with. */
export interface GapParts extends Pick<LogPages, 'onDamage'> {
  /** The store, for commits that a delivery omitted. */
  readonly commits: Pick<CommitStorage, 'read'>;
  readonly now: Date;
}

/** Most commits that are read from the store at once to fill a gap. They are logged before the next are read. */
const FILLED_AT_ONCE = 1_000;

/**
 * The commits of a delivery that the log lacks, with earlier commits that the delivery omitted. At a large gap only its
 * first commits.
 */
export async function missingCommits(parts: GapParts, tail: LogTail, commits: readonly Commit[]): Promise<Commit[]> {
  const ends = await tail.ends(new Set(commits.map(({ stream }) => stream)));
  const missing: Commit[] = [];
  const add = (commit: Commit) => {
    missing.push(commit);
    ends.set(commit.stream, endOf(commit));
  };
  for (const commit of commits) {
    const end = ends.get(commit.stream) ?? 0;
    if (endOf(commit) <= end) continue;
    if (commit.version > end + 1) {
      for await (const between of storedBetween(parts, commit.stream, end + 1, commit.version - 1)) {
        add(between);
        if (missing.length >= FILLED_AT_ONCE) return missing;
      }
    }
    add(commit.body.length > 0 ? commit : await whole(parts, tail, commit));
  }
  return missing;
}

/**
 * The stored form of a commit whose delivery was damaged. If the stored commit is also damaged, it is logged without a
 * body.
 */
async function whole(parts: GapParts, tail: LogTail, commit: Commit): Promise<Commit> {
  for await (const stored of storedBetween(parts, commit.stream, commit.version, commit.version)) return stored;
  return { ...commit, recordedAt: tail.timeOf(parts.now) };
}

/** The stored commits of a stream, up to a damaged commit. */
async function* storedBetween(
  { commits, onDamage }: GapParts,
  stream: string,
  from: number,
  to: number,
): AsyncGenerator<Commit> {
  try {
    yield* commits.read(stream, { from, to, direction: 'forward' });
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    onDamage?.(error);
  }
}
