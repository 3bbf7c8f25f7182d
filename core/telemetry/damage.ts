import { CorruptDataError } from '../base/errors.ts';
import type { Logger } from '../base/log-lines.ts';

/** Whether an error is about stored data that cannot be read back, or was caused by such an error. */
export function isDamage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CorruptDataError) return true;
  }
  return false;
}

/**
 * What a process has met of damaged data, from its start to its end: damage does not go away, so a health that was degraded
 * by it stays so. The reasons name no stream, because anybody may ask for the health; the log names them.
 */
export class DamageRecord {
  readonly #onDamage: () => void;
  readonly #others: string[] = [];
  #since: string | undefined;
  #times = 0;

  /** @param onDamage called each time that damaged data is met */
  constructor(onDamage: () => void = () => {}) {
    this.#onDamage = onDamage;
  }

  /** Takes note of an error if it is about damage. */
  note(error: unknown): void {
    if (!isDamage(error)) return;
    this.#since ??= new Date().toISOString();
    this.#times += 1;
    this.#onDamage();
  }

  /** Takes note of something else that is wrong with the data; a sentence that says what to do. */
  add(reason: string): void {
    if (!this.#others.includes(reason)) this.#others.push(reason);
  }

  /** What is wrong and what to do; empty when nothing is. */
  reasons(): readonly string[] {
    if (this.#times === 0) return [...this.#others];
    const met = `damaged data was met ${this.#times} ${this.#times === 1 ? 'time' : 'times'} since ${this.#since}; the log says where`;
    return [...this.#others, `${met}: run "annals verify", then restore what is damaged from a backup`];
  }
}

/** The same logger; damage in what it logs is noted. What no caller gets as an answer and nobody logs was not met. */
export function notingDamage<L extends Logger>(logger: L, damage: DamageRecord): L {
  const noteAll = (details: Readonly<Record<string, unknown>>) => {
    for (const value of Object.values(details)) damage.note(value);
  };
  return {
    ...logger,
    warn: (message, details) => {
      noteAll(details);
      logger.warn(message, details);
    },
    error: (message, details) => {
      noteAll(details);
      logger.error(message, details);
    },
  };
}
