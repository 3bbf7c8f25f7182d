import type { DatabaseSync } from 'node:sqlite';
import { EventIdTakenError, IdempotencyKeyReusedError } from '../../../core/base/errors.ts';
import type { Commit } from '../../../core/store/commit.ts';
import type { Change, Obstacles, Put, TransactionMark } from '../../../core/store/commit-storage.ts';
import { readCommitRow, readMarkRow, readTagRow, toCommitRow } from './commit-row.ts';
import type { prepareCommitStatements } from './commit-statements.ts';

/** Writes changes within a transaction of the caller, which keeps other writers out. */
export class SqliteChanges {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareCommitStatements>;

  constructor(database: DatabaseSync, statements: ReturnType<typeof prepareCommitStatements>) {
    this.#database = database;
    this.#statements = statements;
  }

  /**
   * Writes a change, or nothing of it: the looks come first, because a refused insert would use up a position and other
   * changes share the transaction.
   * @returns all obstacles, undefined when it was written
   * @throws EventIdTakenError, IdempotencyKeyReusedError
   */
  apply(change: Change): Obstacles | undefined {
    const obstacles = this.#obstacles(change);
    if (obstacles) return obstacles;
    for (const put of change.puts) this.#assertNewIds(put);
    for (const { commit } of change.puts) this.assertKeyFree(commit);
    if (change.mark) this.assertKeyFree({ keyed: true, commitId: change.mark.id, digest: change.mark.digest });
    if (change.puts.length === 1 && change.entries.length === 0 && !change.mark) this.#write(change);
    else this.#writeWhole(change);
    return undefined;
  }

  /** A key stands for a single request, also when another request is for another stream, or for several. */
  assertKeyFree({
    keyed,
    commitId,
    stream = '',
    digest,
  }: Pick<Commit, 'keyed' | 'commitId'> & { readonly stream?: string; readonly digest?: string | undefined }): void {
    if (!keyed || digest === undefined) return;
    const { otherUse, otherNote, otherTransaction } = this.#statements;
    const place = { commitId, stream, digest };
    if (otherUse.get(place) ?? otherNote.get(place) ?? otherTransaction.get({ commitId, digest })) {
      throw new IdempotencyKeyReusedError();
    }
  }

  #obstacles({ puts, free, entries, freeTags, mark }: Change): Obstacles | undefined {
    const { at, tagAt } = this.#statements;
    const commits = [...puts.map(({ commit }) => commit), ...free].flatMap(({ stream, version }) => {
      const row = at.get(stream, version);
      return row ? [readCommitRow(row)] : [];
    });
    const taken = [...entries, ...freeTags].flatMap(({ tag, number }) => {
      const row = tagAt.get(tag, number);
      return row ? [readTagRow(row)] : [];
    });
    const known = mark && this.#mark(mark.id);
    return commits.length > 0 || taken.length > 0 || known ? { commits, entries: taken, mark: known } : undefined;
  }

  #mark(id: string): TransactionMark | undefined {
    const row = this.#statements.findMark.get(id);
    return row && readMarkRow(row);
  }

  #assertNewIds({ commit: { stream }, given }: Put): void {
    const taken = [...given.keys()].flatMap((id) => {
      const row = this.#statements.givenId.get(stream, id);
      return row ? [[id, Number(row['sequence_number'])] as const] : [];
    });
    if (taken.length > 0) throw new EventIdTakenError(stream, new Map(taken));
  }

  /** An error between two writes leaves nothing of the change, and the transaction goes on with the next change. */
  #writeWhole(change: Change): void {
    this.#database.exec('SAVEPOINT change');
    try {
      this.#write(change);
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK TO change');
      throw error;
    } finally {
      if (this.#database.isTransaction) this.#database.exec('RELEASE change');
    }
  }

  #write({ puts, entries, mark }: Change): void {
    const { insert, giveId, enter } = this.#statements;
    for (const { commit, given } of puts) {
      insert.run(toCommitRow(commit));
      for (const [id, sequenceNumber] of given) giveId.run(commit.stream, id, sequenceNumber);
    }
    for (const { tag, number, stream, version, sequenceNumbers } of entries) {
      enter.run(tag, number, stream, version, JSON.stringify(sequenceNumbers));
    }
    if (!mark) return;
    const { id, digest = null, recordedAt, commits } = mark;
    this.#statements.mark.run(id, digest, recordedAt, JSON.stringify(commits));
  }
}
