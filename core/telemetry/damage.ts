import { CorruptDataError, EventVersionError } from '../base/errors.ts';
import type { Logger } from '../base/log-lines.ts';

/** Whether an error, or one of its causes, is about unreadable stored data. */
export const isDamage = (error: unknown): boolean => isCausedBy(error, CorruptDataError);

function isCausedBy(error: unknown, kind: typeof CorruptDataError | typeof EventVersionError): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof kind) return true;
  }
  return false;
}

/**
 * The damaged data that a process met since its start. Damage does not disappear, so the health stays degraded. The
 * reasons name no stream, because every caller may read the health; the log names the streams.
 */
export class DamageRecord {
  readonly #onDamage: () => void;
  readonly #others: string[] = [];
  #damage: Met | undefined;
  #unknown: Met | undefined;

  /** @param onDamage called each time that the process meets damaged data */
  constructor(onDamage: () => void = () => {}) {
    this.#onDamage = onDamage;
  }

  /** Records an error if it is about damage, or about events that this code does not know. */
  note(error: unknown): void {
    if (isCausedBy(error, EventVersionError)) this.#unknown = oneMore(this.#unknown);
    if (!isDamage(error)) return;
    this.#damage = oneMore(this.#damage);
    this.#onDamage();
  }

  /** Records another fault of the data, once. The reason is a sentence that says what to do. */
  add(reason: string): void {
    if (!this.#others.includes(reason)) this.#others.push(reason);
  }

  /** The faults and their remedies; empty without faults. */
  reasons(): readonly string[] {
    const repair = 'run "annals verify", then restore the damaged data from a backup';
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

/** A logger that also records the damage in its warnings and errors. Damage that is not logged is not recorded. */
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
