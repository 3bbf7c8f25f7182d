import { UnavailableError } from '../../../core/base/errors.ts';
import type { RetryPolicy } from '../../../core/base/retry.ts';
import type { ProjectionFailure, Projector } from '../../../core/projections/projector.ts';
import type { PositionedCommit } from '../sqlite/commit-storage.ts';
import type { Logger } from './logger.ts';

export interface StalledStreamsOptions {
  readonly projector: Pick<Projector, 'apply' | 'retryOrPark'>;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  /** Called when a stream is done with, one way or the other. */
  readonly onSettled: () => void;
}

interface Stalled {
  /** Position of the first commit that was not applied. */
  readonly since: number;
  /** A later commit failed as well: it may have come after the last attempt had read the stream's head. */
  more: boolean;
}

/** Most streams tried again side by side; over that, new commits wait for one of them. */
const MAX_STALLED = 1_000;

/**
 * Applies commits to views. A stream that fails in a projection is tried again by itself, aside, so that everything else
 * goes on; one that keeps failing is parked as a dead letter.
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

  #stall(failure: ProjectionFailure, batch: readonly PositionedCommit[]): void {
    const { projection, generation, stream } = failure;
    const id = `${projection.name} ${generation} ${stream}`;
    const known = this.#streams.get(id);
    if (known) {
      known.more = true;
      return;
    }
    const since = batch.find(({ commit }) => commit === failure.commit)?.position;
    if (since === undefined) return;
    const stalled = { since, more: false };
    this.#streams.set(id, stalled);
    const retry = this.#settle(failure, stalled).finally(() => {
      this.#retries.delete(retry);
      if (this.#closed) return;
      this.#streams.delete(id);
      this.#options.onSettled();
    });
    this.#retries.add(retry);
  }

  async #settle(failure: ProjectionFailure, stalled: Stalled): Promise<void> {
    const { projector, policy, logger } = this.#options;
    const { projection, generation, stream } = failure;
    const place = { projection: projection.name, generation, stream };
    do {
      stalled.more = false;
      try {
        const parked = await projector.retryOrPark(failure, policy);
        if (parked) logger.error('a stream is parked as a dead letter of a projection', { ...place, ...parked });
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof UnavailableError) stalled.more = true;
        else logger.error('a view cannot be read or written; rebuild its projection', { ...place, error });
      }
    } while (stalled.more && !this.#closed);
  }
}
