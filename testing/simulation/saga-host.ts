import { UnavailableError } from '../../core/base/errors.ts';
import type { SagaRunner } from '../../core/sagas/embedded-runner/runner.ts';
import type { Commit } from '../../core/store/commit.ts';

/** Commits of a batch. */
const BATCH = 7;

/** Runs sagas as one machine does: it gives all commits in order, from a checkpoint, and the time. Its process may crash. */
export class SagaHost {
  readonly #start: () => SagaRunner;
  readonly #commits: readonly Commit[];
  #runner: SagaRunner;
  #position = 0;

  /**
   * @param start starts a process
   * @param commits all commits in the order of their appends; it grows
   */
  constructor(start: () => SagaRunner, commits: readonly Commit[]) {
    this.#start = start;
    this.#commits = commits;
    this.#runner = start();
  }

  /** Takes the next commits, and wakes what is due. @returns whether nothing is left to take; false after a crash, too */
  async turn(): Promise<boolean> {
    try {
      const batch = this.#commits.slice(this.#position, this.#position + BATCH);
      await this.#runner.apply(batch);
      this.#position += batch.length; // a process that crashes before this line gets the batch again
      await this.#runner.wake();
      return this.#position === this.#commits.length;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return false;
    }
  }

  /** The host gets some earlier commits again. */
  rewind(count: number): void {
    this.#position = Math.max(0, this.#position - count);
  }

  /** A new process takes over, at the checkpoint. */
  restart(): void {
    this.#runner = this.#start();
  }
}
