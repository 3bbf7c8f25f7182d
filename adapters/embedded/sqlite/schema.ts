/** The tables of a database, and the way to them from earlier versions. */
export interface Schema {
  readonly file: string;
  /** `PRAGMA user_version`; 0 is a new file. */
  readonly version: number;
  /** Runs at each start and creates missing tables, so that a folder of an earlier Annals gains new tables. */
  readonly sql: string;
  /** Scripts that upgrade the tables: the first from version 1 to 2, the second from 2 to 3, and so on. */
  readonly upgrades: readonly string[];
}

const CHECKPOINTS = `
  CREATE TABLE IF NOT EXISTS checkpoints (
    consumer TEXT PRIMARY KEY,
    position INTEGER NOT NULL
  ) STRICT;`;

/** Views, their marks and their entries in lists. In `events.sqlite` this table has the marks of streams that the bus refuses. */
const VIEWS = `
  CREATE TABLE IF NOT EXISTS views (
    projection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    "group"    TEXT    NOT NULL,
    view       TEXT,
    parked     TEXT,
    PRIMARY KEY (projection, generation, key)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS views_by_group ON views (projection, generation, "group", key);
  CREATE INDEX IF NOT EXISTS views_parked ON views (projection, generation, key) WHERE parked IS NOT NULL;
  CREATE TABLE IF NOT EXISTS entries (
    projection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    list       TEXT    NOT NULL,
    "order"    TEXT    NOT NULL,
    PRIMARY KEY (projection, generation, key, list)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_by_order ON entries (projection, generation, list, "order", key);`;

const CONTROL = `
  CREATE TABLE IF NOT EXISTS control (
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    content  TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT, WITHOUT ROWID;`;

/** Commits, the log, sagas, and the bookkeeping of the consumers. The control items here are those of work. */
export const eventsSchema: Schema = {
  file: 'events.sqlite',
  version: 3,
  upgrades: [
    `ALTER TABLE commits ADD COLUMN digest TEXT;
     DROP INDEX IF EXISTS commits_keyed;`,
    `ALTER TABLE commits ADD COLUMN transaction_id TEXT;
     ALTER TABLE commits ADD COLUMN transaction_size INTEGER;`,
  ],
  sql: `
  CREATE TABLE IF NOT EXISTS commits (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    commit_id   TEXT    NOT NULL,
    keyed       INTEGER NOT NULL,
    recorded_at TEXT    NOT NULL,
    types       TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    trace       TEXT,
    digest      TEXT,
    transaction_id   TEXT,
    transaction_size INTEGER,
    UNIQUE (stream, version)
  ) STRICT;
  CREATE INDEX IF NOT EXISTS commits_by_key ON commits (commit_id, stream) WHERE keyed = 1;
  CREATE TABLE IF NOT EXISTS given_event_ids (
    stream          TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    sequence_number INTEGER NOT NULL,
    PRIMARY KEY (stream, id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS request_notes (
    commit_id   TEXT    NOT NULL,
    stream      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    digest      TEXT,
    recorded_at TEXT    NOT NULL,
    expires_at  TEXT    NOT NULL,
    PRIMARY KEY (commit_id, stream)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS request_notes_by_time ON request_notes (expires_at);
  CREATE TABLE IF NOT EXISTS transactions (
    id          TEXT NOT NULL PRIMARY KEY,
    digest      TEXT,
    recorded_at TEXT NOT NULL,
    commits     TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tags (
    tag              TEXT    NOT NULL,
    number           INTEGER NOT NULL,
    stream           TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    sequence_numbers TEXT    NOT NULL,
    PRIMARY KEY (tag, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sagas (
    saga    TEXT PRIMARY KEY,
    wake_at TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS sagas_by_time ON sagas (wake_at) WHERE wake_at IS NOT NULL;
  CREATE TABLE IF NOT EXISTS schedule_timers (
    schedule TEXT PRIMARY KEY,
    due_at   TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS schedule_timers_by_time ON schedule_timers (due_at);
  CREATE TABLE IF NOT EXISTS saga_parties (
    saga   TEXT NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (saga, stream)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS saga_parties_by_stream ON saga_parties (stream);
  CREATE TABLE IF NOT EXISTS log_pages (
    partition         TEXT    NOT NULL,
    page              INTEGER NOT NULL,
    first_event       INTEGER NOT NULL,
    count             INTEGER NOT NULL,
    first_recorded_at TEXT    NOT NULL,
    through           TEXT    NOT NULL,
    lateness_ms       INTEGER NOT NULL,
    appended_at       TEXT    NOT NULL,
    types             TEXT    NOT NULL,
    body              BLOB    NOT NULL,
    PRIMARY KEY (partition, page)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS log_marks (
    key  TEXT    PRIMARY KEY,
    mark INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;${CHECKPOINTS}${VIEWS}${CONTROL}`,
};

/** Views, counters of shared views, and control items. */
export const viewsSchema: Schema = {
  file: 'views.sqlite',
  version: 4,
  upgrades: [
    'ALTER TABLE views ADD COLUMN parked TEXT;',
    // Counters got two columns for sums of any size. All views are built again from the events.
    `DROP TABLE IF EXISTS views; DROP TABLE IF EXISTS counters;
     DROP TABLE IF EXISTS checkpoints; DROP TABLE IF EXISTS control;`,
    // Views got entries in lists, in a new table. An earlier Annals would not write them, so it must not use the file.
    '',
  ],
  sql: `${VIEWS}
  CREATE TABLE IF NOT EXISTS counters (
    projection TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    counter    TEXT    NOT NULL,
    high       INTEGER NOT NULL,
    low        INTEGER NOT NULL,
    PRIMARY KEY (projection, generation, key, counter)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS counters_by_value ON counters (projection, generation, counter, high, low);
  CREATE TABLE IF NOT EXISTS history (
    id       INTEGER PRIMARY KEY CHECK (id = 0),
    position INTEGER NOT NULL,
    identity TEXT    NOT NULL
  ) STRICT;${CONTROL}${CHECKPOINTS}`,
};
