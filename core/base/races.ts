import { ExponentialBackoff, handleWhen, retry } from 'cockatiel';
import pLimit from 'p-limit';
import { ConcurrencyError, TransactionConflictError } from './errors.ts';

/**
 * Repeats a conditional write, with the read and the decision before it, until it settles. There is no pause: another
 * writer was faster, so the work as a whole goes on.
 * @param attempt reads, decides and writes; undefined or false after a lost race, or when more is left to write
 * @returns the result of the last attempt
 * @throws the errors of `attempt`
 */
export async function untilSettled<T>(attempt: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const result = await attempt();
    if (result !== undefined && result !== false) return result;
  }
}

/**
 * The same for appends, whose lost race is a ConcurrencyError: repeats the attempt after a jittered pause of 5 to 250 ms.
 * A conflict with a stream that does not exist is no race.
 * @param maxAttempts repeats at most; the last error is thrown then
 * @param isRace whether an error is a lost race
 */
export const contention = (maxAttempts: number, isRace: (error: Error) => boolean = metExisting) =>
  retry(handleWhen(isRace), { maxAttempts, backoff: new ExponentialBackoff({ initialDelay: 5, maxDelay: 250 }) });

const metExisting = (error: Error): boolean => error instanceof ConcurrencyError && error.actualVersion > 0;

/** {@link contention} for transactions: repeats those that lost only against appends at any version, or for a tag. */
export const transactionContention = (maxAttempts: number) =>
  contention(maxAttempts, (error) => error instanceof TransactionConflictError && error.isRace);

/**
 * Work on one thing runs in turn, in the order of the calls; work on several things runs side by side. So writers of one
 * process do not race each other, and only those of other processes lose.
 */
export class Lines {
  readonly #lines = new Map<string, { readonly inTurn: ReturnType<typeof pLimit>; length: number }>();

  /** @param work does not wait for its own line */
  async inTurn<T>(thing: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(thing) ?? { inTurn: pLimit(1), length: 0 };
    this.#lines.set(thing, line);
    line.length += 1;
    try {
      return await line.inTurn(work);
    } finally {
      line.length -= 1;
      if (line.length === 0) this.#lines.delete(thing);
    }
  }

  /** {@link inTurn} for work on several things. It waits for them in one order, so that no two works wait for each other. */
  inTurns<T>(things: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = [...new Set(things)].toSorted();
    return first === undefined ? work() : this.inTurn(first, () => this.inTurns(rest, work));
  }
}
