import type { DatabaseSync } from 'node:sqlite';
import type { SagaEntry, SagaIndex } from '../../../core/sagas/index.ts';
import { guarded } from './error.ts';
import { transaction } from './transaction.ts';

/** The index of sagas to wake, in SQLite. Its consumer's checkpoint is in the same database, so both lose the same writes. */
export class SqliteSagaIndex implements SagaIndex {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = prepareStatements(database);
  }

  async save({ sagaId, wakeAt, parties }: SagaEntry): Promise<void> {
    this.#atomically(() => {
      this.#statements.save.run(sagaId, wakeAt ?? null);
      // Only changes are written: an answer usually ends the wait for a single party of many.
      this.#statements.keepParties.run(sagaId, JSON.stringify(parties));
      this.#statements.addParties.run(sagaId, JSON.stringify(parties));
    });
  }

  async postpone(sagaId: string, wakeAt: string): Promise<void> {
    guarded(() => this.#statements.postpone.run(wakeAt, sagaId));
  }

  async remove(sagaId: string): Promise<void> {
    this.#atomically(() => {
      this.#statements.remove.run(sagaId);
      this.#statements.removeParties.run(sagaId);
    });
  }

  async due(now: string, limit: number): Promise<readonly string[]> {
    return guarded(() => this.#statements.due.all(now, limit)).map((row) => String(row['saga']));
  }

  async nextWake(): Promise<string | undefined> {
    const row = guarded(() => this.#statements.nextWake.get());
    return row?.['wake_at'] === null ? undefined : (row?.['wake_at'] as string | undefined);
  }

  async byParty(stream: string): Promise<readonly string[]> {
    return guarded(() => this.#statements.byParty.all(stream)).map((row) => String(row['saga']));
  }

  #atomically(work: () => void): void {
    guarded(() => transaction(this.#database, work));
  }
}

function prepareStatements(database: DatabaseSync) {
  return {
    save: database.prepare(
      'INSERT INTO sagas (saga, wake_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET wake_at = excluded.wake_at',
    ),
    postpone: database.prepare('UPDATE sagas SET wake_at = ? WHERE saga = ?'),
    remove: database.prepare('DELETE FROM sagas WHERE saga = ?'),
    removeParties: database.prepare('DELETE FROM saga_parties WHERE saga = ?'),
    keepParties: database.prepare(
      'DELETE FROM saga_parties WHERE saga = ? AND stream NOT IN (SELECT value FROM json_each(?))',
    ),
    addParties: database.prepare('INSERT OR IGNORE INTO saga_parties (saga, stream) SELECT ?, value FROM json_each(?)'),
    due: database.prepare('SELECT saga FROM sagas WHERE wake_at <= ? ORDER BY wake_at LIMIT ?'),
    nextWake: database.prepare('SELECT min(wake_at) AS wake_at FROM sagas'),
    byParty: database.prepare('SELECT saga FROM saga_parties WHERE stream = ? ORDER BY saga'),
  };
}
