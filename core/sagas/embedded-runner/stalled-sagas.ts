import type { Commit } from '../../store/commit.ts';

/** A job of a saga, or of all sagas that a commit concerns. */
export interface Job {
  /** The saga, or `stream <stream>` for a commit that could not be read. */
  readonly sagaId: string;
  /** The commit of the job: until the job is done, a restart has to deliver it again. */
  readonly commit: Commit;
  readonly work: () => Promise<void>;
}

interface Stalled {
  /** In the order of their commits; the failed job comes first. */
  readonly jobs: Job[];
  /** When to try again, milliseconds since 1970. */
  retryAt: number;
}

/** Pause of a failed saga, so that it does not delay others. */
export const PAUSE_MS = 60_000;

/** Sagas with a failed job. Later jobs of the saga wait behind it. */
export class StalledSagas {
  readonly #sagas = new Map<string, Stalled>();

  /** Adds a failed job. */
  stall(job: Job, now: number): void {
    this.#sagas.set(job.sagaId, { jobs: [job], retryAt: now + PAUSE_MS });
  }

  /** Adds a job of a stalled saga. @returns false when the saga is not stalled */
  queue(job: Job): boolean {
    return this.#sagas.get(job.sagaId)?.jobs.push(job) !== undefined;
  }

  /** The unfinished commits. */
  *commits(): Generator<Commit> {
    for (const { jobs } of this.#sagas.values()) for (const { commit } of jobs) yield commit;
  }

  /** When a saga is to be tried again next, milliseconds since 1970. */
  nextRetry(): number {
    return Math.min(...[...this.#sagas.values()].map(({ retryAt }) => retryAt));
  }

  /** Does the jobs of the due sagas, in order. A job that fails again waits, and the jobs behind it. */
  async retry(now: number): Promise<void> {
    const due = [...this.#sagas].filter(([, { retryAt }]) => retryAt <= now);
    await Promise.all(due.map(([sagaId, stalled]) => this.#retryOne(sagaId, stalled, now)));
  }

  async #retryOne(sagaId: string, stalled: Stalled, now: number): Promise<void> {
    try {
      for (let [job] = stalled.jobs; job; [job] = stalled.jobs) {
        await job.work();
        stalled.jobs.shift();
      }
      this.#sagas.delete(sagaId);
    } catch {
      stalled.retryAt = now + PAUSE_MS; // the first failure was logged
    }
  }
}
