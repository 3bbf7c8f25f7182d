import type { DatabaseSync } from 'node:sqlite';
import type { TimerCall, Timers } from '../../../core/schedules/timers.ts';
import { guarded } from './error.ts';

/**
 * The timers of schedules in SQLite: a row for each schedule that waits. The engine calls at the next due instant. The
 * checkpoint of its consumer is in the same database, so both lose the same writes.
 */
export class SqliteTimers implements Timers {
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#statements = prepareStatements(database);
  }

  async set({ scheduleId, dueAt }: TimerCall): Promise<void> {
    guarded(() => this.#statements.set.run(scheduleId, dueAt));
  }

  async remove({ scheduleId }: TimerCall): Promise<void> {
    guarded(() => this.#statements.remove.run(scheduleId));
  }

  /** The schedules that are due, the longest overdue first. @throws UnavailableError */
  due(now: string, limit: number): readonly string[] {
    return guarded(() => this.#statements.due.all(now, limit)).map((row) => String(row['schedule']));
  }

  /** The next due instant, ISO 8601; undefined when no schedule waits. @throws UnavailableError */
  nextDue(): string | undefined {
    return guarded(() => this.#statements.next.get())?.['due_at'] as string | undefined;
  }
}

function prepareStatements(database: DatabaseSync) {
  return {
    set: database.prepare(
      'INSERT INTO schedule_timers (schedule, due_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET due_at = excluded.due_at',
    ),
    remove: database.prepare('DELETE FROM schedule_timers WHERE schedule = ?'),
    due: database.prepare('SELECT schedule FROM schedule_timers WHERE due_at <= ? ORDER BY due_at LIMIT ?'),
    next: database.prepare('SELECT due_at FROM schedule_timers ORDER BY due_at LIMIT 1'),
  };
}
