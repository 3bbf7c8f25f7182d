import type { Commit } from '../../core/commit.ts';
import { UnavailableError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/processor.ts';
import type { ProjectionFailure, Projector } from '../../core/projector.ts';
import type { Logger } from './logger.ts';
import type { PositionedCommit } from './sqlite-commit-storage.ts';

export interface StalledStreamsOptions {
  readonly projector: Projector;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  /** Called when a stream is done with, one way or the other. */
  readonly onSettled: () => void;
}

interface Stalled {
  /** Position of the first commit that was not applied. */
  readonly since: number;
  /** Newest commit that came meanwhile: applying it applies all before it, which the projector reads from the store. */
  newest: Commit;
}

/** Most streams tried again side by side; over that, new commits wait for one of them. */
const MAX_STALLED = 1_000;

/**
 * Applies commits to views. A stream that fails is tried again by itself, aside, so that the others go on; one that keeps
 * failing is logged and left behind until its next commit, with which the projector reads what is missing.
 */
export class StalledStreams {
  readonly #options: StalledStreamsOptions;
  readonly #streams = new Map<string, Stalled>();
  readonly #retries = new Set<Promise<void>>();
  #closed = false;

  constructor(options: StalledStreamsOptions) {
    this.#options = options;
  }

  /** @throws UnavailableError when views cannot be read or written at all: no stream's own fault, all of it has to wait */
  async apply(batch: readonly PositionedCommit[]): Promise<void> {
    const failures = await this.#options.projector.apply(batch.map(({ commit }) => commit));
    const outage = failures.find(({ error }) => error instanceof UnavailableError);
    if (outage) throw outage.error;
    for (const failure of failures) this.#stall(failure, batch);
    if (this.#retries.size >= MAX_STALLED) await Promise.race(this.#retries);
  }

  /** The first position that is still being tried again. */
  unfinished(): number | undefined {
    const [first] = this.#streams.values(); // the oldest: a map keeps the order in which streams came
    return first?.since;
  }

  /** Tries no stream again; those in work stay unfinished. */
  close(): void {
    this.#closed = true;
  }

  #stall({ stream }: ProjectionFailure, batch: readonly PositionedCommit[]): void {
    const own = batch.filter(({ commit }) => commit.stream === stream);
    const [first, last] = [own.at(0), own.at(-1)];
    if (!first || !last) return;
    const known = this.#streams.get(stream);
    if (known) {
      known.newest = last.commit;
      return;
    }
    const stalled = { since: first.position, newest: last.commit };
    this.#streams.set(stream, stalled);
    const retry = this.#retry(stream, stalled).finally(() => this.#retries.delete(retry));
    this.#retries.add(retry);
  }

  async #retry(stream: string, stalled: Stalled): Promise<void> {
    try {
      await withRetry(this.#options.policy, () => this.#catchUp(stream, stalled));
    } catch (error) {
      if (this.#closed) return;
      if (error instanceof UnavailableError) return this.#retry(stream, stalled);
      this.#streams.delete(stream);
      const { version } = stalled.newest;
      this.#options.logger.error('a view stays behind until its stream’s next commit', { stream, version, error });
    }
    this.#options.onSettled();
  }

  async #catchUp(stream: string, stalled: Stalled): Promise<void> {
    while (!this.#closed) {
      const { newest } = stalled;
      const [failure] = await this.#options.projector.apply([newest]);
      if (failure) throw failure.error;
      if (stalled.newest === newest) {
        this.#streams.delete(stream);
        return;
      }
    }
  }
}
