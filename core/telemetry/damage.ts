import { CorruptDataError, EventVersionError } from '../base/errors.ts';
import type { Logger } from '../base/log-lines.ts';

/** Whether an error is about stored data that cannot be read back, or was caused by such an error. */
export const isDamage = (error: unknown): boolean => isCausedBy(error, CorruptDataError);

function isCausedBy(error: unknown, kind: typeof CorruptDataError | typeof EventVersionError): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof kind) return true;
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
  #damage: Met | undefined;
  #unknown: Met | undefined;

  /** @param onDamage called each time that damaged data is met */
  constructor(onDamage: () => void = () => {}) {
    this.#onDamage = onDamage;
  }

  /** Takes note of an error if it is about damage, or about events that this code does not know. */
  note(error: unknown): void {
    if (isCausedBy(error, EventVersionError)) this.#unknown = oneMore(this.#unknown);
    if (!isDamage(error)) return;
    this.#damage = oneMore(this.#damage);
    this.#onDamage();
  }

  /** Takes note of something else that is wrong with the data; a sentence that says what to do. */
  add(reason: string): void {
    if (!this.#others.includes(reason)) this.#others.push(reason);
  }

  /** What is wrong and what to do; empty when nothing is. */
  reasons(): readonly string[] {
    const repair = 'run "annals verify", then restore what is damaged from a backup';
    const newer = 'run the newer Annals that wrote them, then redrive the dead letters';
    return [
      ...this.#others,
      ...(this.#damage ? [`damaged data was met ${timesOf(this.#damage)}: ${repair}`] : []),
      ...(this.#unknown ? [`events that this Annals does not know were met ${timesOf(this.#unknown)}: ${newer}`] : []),
    ];
  }
}

interface Met {
  readonly times: number;
  readonly since: string;
}

const oneMore = (met: Met | undefined): Met => ({
  times: (met?.times ?? 0) + 1,
  since: met?.since ?? new Date().toISOString(),
});

const timesOf = ({ times, since }: Met) =>
  `${times} ${times === 1 ? 'time' : 'times'} since ${since}; the log says where`;

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
