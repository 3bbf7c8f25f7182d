import { AnnalsError, NotFoundError } from '../base/errors.ts';
import { ulids } from '../base/new-id.ts';
import type { Difference, VerifiedExtent } from './difference.ts';
import type { Phase } from './state.ts';
import type { Verification } from './verification.ts';

/** A verification as callers see it. */
export interface VerificationRun {
  readonly verificationId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly phase: Phase;
  readonly extent: Readonly<VerifiedExtent>;
  /** Number of differences found so far. */
  readonly total: number;
  /** The first of them, once it is done. */
  readonly differences: readonly Difference[];
  /** The outcome in one line, or why it failed. */
  readonly verdict?: string;
}

export interface VerificationsOptions {
  /** Opens what a verification reads. */
  readonly open: () => { readonly verification: Verification; close(): void };
  readonly onError: (error: unknown) => void;
}

/** Runs that are remembered. */
const KEPT = 10;
/** The extent of a run that has just begun. */
export const NOTHING_SEEN: VerifiedExtent = { pages: 0, streams: 0, commits: 0, events: 0, views: 0 };

/** Verifications in this process, one at a time; the last ones are remembered until it ends. */
export class Verifications {
  readonly #options: VerificationsOptions;
  readonly #newId = ulids();
  readonly #runs = new Map<string, VerificationRun>();
  #running: { readonly id: string; readonly work: Promise<void> } | undefined;
  #closed = false;

  constructor(options: VerificationsOptions) {
    this.#options = options;
  }

  /** Starts a verification. @returns its id, or that of the one that runs */
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

  /** @throws NotFoundError */
  get(verificationId: string): VerificationRun {
    const run = this.#runs.get(verificationId);
    if (run) return run;
    throw new NotFoundError(
      `there is no verification ${verificationId} here; POST /verifications starts one, and the last ${KEPT} are kept until the server stops`,
    );
  }

  /** Gives up the run in work. */
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
      const verdict = error instanceof AnnalsError ? error.message : 'it could not run; the log of the server says why';
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
