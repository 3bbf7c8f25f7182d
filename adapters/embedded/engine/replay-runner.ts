import { setImmediate as nextTurn } from 'node:timers/promises';
import { UnavailableError } from '../../../core/base/errors.ts';
import type { Logger } from '../../../core/base/log-lines.ts';
import { pause } from '../../../core/base/pause.ts';
import type { Replays } from '../../../core/replays/replays.ts';
import type { ReplayStep, ReplayWork } from '../../../core/replays/work.ts';

/** Settings of a {@link ReplayRunner}. */
export interface ReplayRunnerOptions {
  readonly replays: Replays;
  readonly logger: Logger;
  /** Creates the work of replays, which has to call `breathe` between batches. */
  readonly work: (breathe: () => Promise<void>) => ReplayWork;
}

const PAUSE_AFTER_FAILURE_MS = 1_000;
/** Replays in a page of the list that is read at the start. */
const PAGE = 100;

/** Ends the work of a replay because the runner closes. */
class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

/** Carries out replays in this process, and first resumes those that an earlier process left unfinished. */
export class ReplayRunner {
  readonly #options: ReplayRunnerOptions;
  readonly #work: ReplayWork;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #looking: Promise<void> | undefined;

  constructor(options: ReplayRunnerOptions) {
    this.#options = options;
    this.#work = options.work(async () => {
      await nextTurn();
      if (this.#stopping.signal.aborted) throw new StoppedError();
    });
  }

  /** Resumes unfinished replays. A second call does nothing. */
  start(): void {
    this.#looking ??= this.#resumeAll();
  }

  /** Carries out a replay, unless the replay is under way or the runner closes. */
  run(replayId: string): void {
    if (this.#stopping.signal.aborted || this.#running.has(replayId)) return;
    const running = this.#carryOut(replayId).finally(() => this.#running.delete(replayId));
    this.#running.set(replayId, running);
  }

  /** Stops after the current batches. The next start goes on with the rest. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  async #resumeAll(): Promise<void> {
    let failing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        return await this.#lookUp();
      } catch (error) {
        if (!failing) {
          this.#options.logger.error('unfinished replays cannot be read; the engine tries again every second', {
            error,
          });
        }
        failing = true;
        await pause(PAUSE_AFTER_FAILURE_MS, this.#stopping.signal);
      }
    }
  }

  async #lookUp(): Promise<void> {
    let after: string | undefined;
    do {
      const page = await this.#options.replays.list({ limit: PAGE, after });
      for (const { replayId } of page.replays) this.run(replayId);
      after = page.next;
    } while (after !== undefined);
  }

  async #carryOut(replayId: string): Promise<void> {
    let failing = false;
    while (!this.#stopping.signal.aborted) {
      try {
        const next = await this.#work.next(replayId);
        if (next.step === 'none') return;
        await this.#runStep(replayId, next);
        failing = false;
      } catch (error) {
        if (error instanceof StoppedError) return;
        const outage = error instanceof UnavailableError;
        if (!failing) this.#options.logger.error(`a replay ${outage ? 'has to wait' : 'fails'}`, { replayId, error });
        if (!outage && (await this.#fail(replayId, error))) return;
        failing = true;
        await pause(PAUSE_AFTER_FAILURE_MS, this.#stopping.signal);
      }
    }
  }

  async #runStep(replayId: string, next: ReplayStep): Promise<void> {
    if (next.step === 'wait') await pause(next.ms, this.#stopping.signal);
    if (next.step === 'finish') await this.#work.finish(replayId);
    if (next.step === 'remove') await this.#work.remove(replayId);
    if (next.step === 'read') for (const range of next.ranges) await this.#work.read(replayId, range);
  }

  /** Marks a replay as failed. @returns false when the mark could not be written */
  async #fail(replayId: string, error: unknown): Promise<boolean> {
    return this.#work.fail(replayId, error).then(
      () => true,
      () => false,
    );
  }
}
