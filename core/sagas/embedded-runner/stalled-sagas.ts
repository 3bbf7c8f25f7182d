import type { Commit } from '../../store/commit.ts';

/** Something to do for a saga. */
export interface Job {
  readonly sagaId: string;
  /** The commit that it follows from: until the job is done, a restart has to deliver this commit again. */
  readonly commit: Commit;
  readonly work: () => Promise<void>;
}

interface Stalled {
  /** In the order in which their causes came, the job that failed first. */
  readonly jobs: Job[];
  /** When to try again, milliseconds since 1970. */
  retryAt: number;
}

/** How long a saga is left alone that failed, so that it does not keep others from their turn. */
export const PAUSE_MS = 60_000;

/** Sagas with a job that failed through no passing fault. What comes for them later waits behind that job. */
export class StalledSagas {
  readonly #sagas = new Map<string, Stalled>();

  /** Takes in a job that failed. */
  stall(job: Job, now: number): void {
    this.#sagas.set(job.sagaId, { jobs: [job], retryAt: now + PAUSE_MS });
  }

  /** Takes in a job of a saga that is stalled. @returns false when it is not */
  queue(job: Job): boolean {
    return this.#sagas.get(job.sagaId)?.jobs.push(job) !== undefined;
  }

  /** The commits that are not done with. */
  *commits(): Generator<Commit> {
    for (const { jobs } of this.#sagas.values()) for (const { commit } of jobs) yield commit;
  }

  /** When a saga is to be tried again next, milliseconds since 1970. */
  nextRetry(): number {
    return Math.min(...[...this.#sagas.values()].map(({ retryAt }) => retryAt));
  }

  /** Does the jobs of the sagas whose pause is over, in order; the one that fails again waits, and all behind it. */
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
