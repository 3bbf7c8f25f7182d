import { AnnalsError, NotFoundError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import type { Difference, VerifiedExtent } from './difference.ts';
import type { Phase } from './state.ts';
import type { Verification } from './verification.ts';

/** A verification for callers. */
export interface VerificationRun {
  readonly verificationId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly phase: Phase;
  readonly extent: Readonly<VerifiedExtent>;
  /** Number of differences found so far. */
  readonly total: number;
  /** The first 100 differences, after the end of the run. */
  readonly differences: readonly Difference[];
  /** The outcome in one line, or the reason of a failure. */
  readonly verdict?: string;
}

/** The parts of {@link Verifications}. */
export interface VerificationsOptions {
  /** Opens the stores for a verification. */
  readonly open: () => { readonly verification: Verification; close(): void };
  readonly onError: (error: unknown) => void;
}

/** Runs that are remembered. */
const KEPT = 10;
/** The extent of a run that has just begun. */
export const NOTHING_SEEN: VerifiedExtent = { pages: 0, streams: 0, commits: 0, events: 0, views: 0 };

/** Verifications in this process, one at a time. The last 10 are remembered until the process ends. */
export class Verifications {
  readonly #options: VerificationsOptions;
  readonly #newId = ulids();
  readonly #runs = new Map<string, VerificationRun>();
  #running: { readonly id: string; readonly work: Promise<void> } | undefined;
  #closed = false;

  constructor(options: VerificationsOptions) {
    this.#options = options;
  }

  /** Starts a verification. @returns its id, or the id of the running verification */
  start(): string {
    if (this.#running) return this.#running.id;
    const verificationId = this.#newId();
    this.#set({ verificationId, state: 'running', phase: 'log', extent: NOTHING_SEEN, total: 0, differences: [] });
    const work = this.#run(verificationId).finally(() => {
      this.#running = undefined;
    });
    this.#running = { id: verificationId, work };
    return verificationId;
  }

  /** A run by its id. @throws NotFoundError */
  get(verificationId: string): VerificationRun {
    const run = this.#runs.get(verificationId);
    if (run) return run;
    throw new NotFoundError(
      `there is no verification ${verificationId} here; POST /verifications starts one, and the last ${KEPT} are kept until the server stops`,
    );
  }

  /** Ends the running verification and waits for its end. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running?.work;
  }

  async #run(verificationId: string): Promise<void> {
    let opened: ReturnType<VerificationsOptions['open']> | undefined;
    try {
      opened = this.#options.open();
      const steps = opened.verification.run();
      let step = await steps.next();
      for (; !step.done && !this.#closed; step = await steps.next()) {
        const { phase, extent, differences: total } = step.value;
        this.#set({ ...this.get(verificationId), phase, extent: { ...extent }, total });
      }
      if (step.done) this.#set({ ...this.get(verificationId), ...step.value, state: 'done', phase: 'done' });
    } catch (error) {
      this.#options.onError(error);
      const verdict =
        error instanceof AnnalsError ? error.message : 'it could not run; the log of the server has the reason';
      this.#set({ ...this.get(verificationId), state: 'failed', verdict });
    } finally {
      opened?.close();
    }
  }

  #set(run: VerificationRun): void {
    this.#runs.set(run.verificationId, run);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= KEPT) return;
      this.#runs.delete(oldest);
    }
  }
}
