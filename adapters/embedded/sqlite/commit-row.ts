import type { SQLOutputValue } from 'node:sqlite';
import { CorruptDataError } from '../../../core/base/errors.ts';
import type { Commit } from '../../../core/store/commit.ts';
import type { TransactionMark } from '../../../core/store/commit-storage.ts';
import { readNumbers, readPlaces, type Tagging } from '../../../core/store/tags.ts';

/** The parameters that store a commit; {@link readCommitRow} reads them back. */
export function toCommitRow({ types, keyed, trace, digest, transaction, ...commit }: Commit) {
  return {
    ...commit,
    digest: digest ?? null,
    types: JSON.stringify(types),
    keyed: keyed ? 1 : 0,
    trace: trace ?? null,
    transactionId: transaction?.id ?? null,
    transactionSize: transaction?.size ?? null,
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
  readonly transaction_id: string | null;
  readonly transaction_size: number | null;
}

/** Reads a commit from a row of `commits`. @throws CorruptDataError when its types cannot be read */
export function readCommitRow(row: Record<string, SQLOutputValue>): Commit {
  const { stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest, ...more } =
    row as unknown as CommitRow; // the table is STRICT
  const { transaction_id: id, transaction_size: size } = more;
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
    ...(id === null || size === null ? {} : { transaction: { id, size } }),
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

type MarkRow = { id: string; digest: string | null; recordedAt: string; commits: string };

/** Reads a row of `transactions`. @throws CorruptDataError when its places cannot be read */
export function readMarkRow(row: Record<string, SQLOutputValue>): TransactionMark {
  const { id, digest, recordedAt, commits } = row as MarkRow; // STRICT
  const places = readPlaces(commits, `the places of transaction ${id}`);
  return { id, recordedAt, commits: places, ...(digest === null ? {} : { digest }) };
}

/** Reads a row of `tags`. @throws CorruptDataError when its sequence numbers cannot be read */
export function readTagRow(row: Record<string, SQLOutputValue>): Tagging {
  const { tag, number, stream, version, sequence_numbers } = row as unknown as Omit<Tagging, 'sequenceNumbers'> & {
    readonly sequence_numbers: string;
  }; // STRICT
  const sequenceNumbers = readNumbers(sequence_numbers, `the sequence numbers of tag ${tag}, number ${number}`);
  return { tag, number, stream, version, sequenceNumbers };
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
