import type { SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { Commit } from '../../../core/store/commit.ts';

/** The parameters that store a commit; {@link readCommitRow} reads them back. */
export function toCommitRow({ types, keyed, trace, digest, ...commit }: Commit) {
  return {
    ...commit,
    digest: digest ?? null,
    types: JSON.stringify(types),
    keyed: keyed ? 1 : 0,
    trace: trace ?? null,
  };
}

interface CommitRow {
  readonly stream: string;
  readonly version: number;
  readonly count: number;
  readonly commit_id: string;
  readonly keyed: 0 | 1;
  readonly recorded_at: string;
  readonly types: string;
  readonly body: Uint8Array;
  readonly trace: string | null;
  readonly digest: string | null;
}

/** Reads a commit from a row of `commits`. @throws CorruptDataError when its types cannot be read */
export function readCommitRow(row: Record<string, SQLOutputValue>): Commit {
  const { stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest } =
    row as unknown as CommitRow; // the table is STRICT
  return {
    stream,
    version,
    count,
    commitId: commit_id,
    keyed: keyed === 1,
    recordedAt: recorded_at,
    types: parseTypes(types, stream, version),
    body,
    ...(trace === null ? {} : { trace }),
    ...(digest === null ? {} : { digest }),
  };
}

type NoteRow = Pick<CommitRow, 'stream' | 'version' | 'commit_id' | 'recorded_at' | 'digest'>;

/** Reads a row of `request_notes` as a commit without events. */
export function readNoteRow(row: Record<string, SQLOutputValue>): Commit {
  const { stream, version, commit_id: commitId, recorded_at: recordedAt, digest } = row as unknown as NoteRow; // STRICT
  const nothing = { count: 0, types: [], body: new Uint8Array() };
  return { stream, version, ...nothing, commitId, keyed: true, recordedAt, ...(digest === null ? {} : { digest }) };
}

function parseTypes(json: string, stream: string, version: number): string[] {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CorruptDataError(`the types of the commit at version ${version} of stream ${stream} cannot be read`, {
      cause,
    });
  }
}
