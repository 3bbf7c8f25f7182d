import type { DatabaseSync } from 'node:sqlite';
import { MAX_EVENTS_PER_COMMIT } from '../../../core/store/commit.ts';

const COLUMNS =
  'position, stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest, transaction_id, transaction_size';

/** Prepares the statements of the commit storage; see `commits`, `given_event_ids` and `request_notes` in schema.ts. */
export function prepareCommitStatements(database: DatabaseSync) {
  // A commit that holds event `low` starts at most this many events before it.
  const range = `stream = :stream AND version > :low - ${MAX_EVENTS_PER_COMMIT} AND version + count > :low AND version <= :high`;
  return {
    insert: database.prepare(
      `INSERT INTO commits (stream, version, count, commit_id, keyed, recorded_at, types, body, trace, digest, transaction_id, transaction_size)
       VALUES (:stream, :version, :count, :commitId, :keyed, :recordedAt, :types, :body, :trace, :digest, :transactionId, :transactionSize)`,
    ),
    givenId: database.prepare('SELECT sequence_number FROM given_event_ids WHERE stream = ? AND id = ?'),
    giveId: database.prepare('INSERT INTO given_event_ids (stream, id, sequence_number) VALUES (?, ?, ?)'),
    otherUse: database.prepare(
      'SELECT 1 FROM commits WHERE commit_id = :commitId AND keyed = 1 AND stream <> :stream AND digest <> :digest LIMIT 1',
    ),
    otherNote: database.prepare(
      'SELECT 1 FROM request_notes WHERE commit_id = :commitId AND stream <> :stream AND digest <> :digest LIMIT 1',
    ),
    otherTransaction: database.prepare('SELECT 1 FROM transactions WHERE id = :commitId AND digest <> :digest LIMIT 1'),
    findMark: database.prepare('SELECT id, digest, recorded_at AS recordedAt, commits FROM transactions WHERE id = ?'),
    mark: database.prepare('INSERT INTO transactions (id, digest, recorded_at, commits) VALUES (?, ?, ?, ?)'),
    tagAt: database.prepare('SELECT * FROM tags WHERE tag = ? AND number = ?'),
    tagHead: database.prepare('SELECT max(number) AS head FROM tags WHERE tag = ?'),
    tagged: database.prepare('SELECT * FROM tags WHERE tag = ? AND number > ? ORDER BY number LIMIT ?'),
    enter: database.prepare('INSERT INTO tags (tag, number, stream, version, sequence_numbers) VALUES (?, ?, ?, ?, ?)'),
    findNote: database.prepare('SELECT * FROM request_notes WHERE stream = ? AND commit_id = ?'),
    note: database.prepare(
      `INSERT INTO request_notes (commit_id, stream, version, digest, recorded_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    removeExpired: database.prepare('DELETE FROM request_notes WHERE expires_at < ?'),
    at: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE stream = ? AND version = ?`),
    head: database.prepare(
      'SELECT version + count - 1 AS head FROM commits WHERE stream = ? ORDER BY version DESC LIMIT 1',
    ),
    find: database.prepare(
      `SELECT ${COLUMNS} FROM commits WHERE stream = ? AND commit_id = ? AND keyed = 1 ORDER BY version LIMIT 1`,
    ),
    forward: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE ${range} ORDER BY version LIMIT :size`),
    // For a range that starts with a commit: no earlier commit can hold an event of it.
    onward: database.prepare(
      `SELECT ${COLUMNS} FROM commits WHERE stream = :stream AND version >= :low AND version <= :high ORDER BY version LIMIT :size`,
    ),
    backward: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE ${range} ORDER BY version DESC LIMIT :size`),
    after: database.prepare(`SELECT ${COLUMNS} FROM commits WHERE position > :position ORDER BY position LIMIT :limit`),
    places: database.prepare(
      'SELECT position, stream, version, count FROM commits WHERE position > ? ORDER BY position LIMIT ?',
    ),
    keys: database.prepare(
      `SELECT stream, version FROM commits WHERE (stream, version) > (:stream, :version)
       ORDER BY stream, version LIMIT :size`,
    ),
    identity: database.prepare(
      'SELECT recorded_at AS recordedAt, commit_id AS commitId FROM commits WHERE position = ?',
    ),
    last: database.prepare('SELECT max(position) AS last FROM commits'),
    recordedBetween: database.prepare(
      `WITH ends AS (SELECT min(position) AS first, max(position) AS last FROM commits WHERE recorded_at BETWEEN :from AND :to)
       SELECT first, last, (SELECT sum(count) FROM commits WHERE position BETWEEN first AND last) AS events FROM ends`,
    ),
  };
}
