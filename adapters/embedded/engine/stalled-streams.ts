import { UnavailableError } from '../../../core/base/errors.ts';
import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import { pause } from '../../../core/base/pause.ts';
import type { RetryPolicy } from '../../../core/base/retry.ts';
import type { ProjectionFailure, Projector } from '../../../core/projections/projector.ts';
import type { PositionedCommit } from '../sqlite/commit-storage.ts';

/** Settings of {@link StalledStreams}. */
export interface StalledStreamsOptions {
  readonly projector: Pick<Projector, 'apply' | 'retryOrPark'>;
  readonly policy: RetryPolicy;
  readonly logger: Logger;
  /** Called when a stream is applied or parked. */
  readonly onSettled: () => void;
}

interface Stalled {
  /** Position of the first commit that was not applied. */
  since: number;
  /** A later commit failed as well. The last attempt may have read the stream's head before that commit was stored. */
  more: boolean;
}

/** Most streams that are retried side by side. With this many, new commits wait until a stream is settled. */
const MAX_STALLED = 1_000;

/**
 * Applies commits to views. A stream that fails in a projection is retried separately, so that other streams go on. A
 * stream that keeps failing is parked as a dead letter. A stream that cannot be parked either is retried until it can: it
 * stays unfinished meanwhile, and a restart delivers its commits again.
 */
export class StalledStreams {
  readonly #options: StalledStreamsOptions;
  readonly #streams = new Map<string, Stalled>();
  readonly #retries = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: StalledStreamsOptions) {
    this.#options = options;
  }

  /**
   * Applies a batch. Returns when all streams of the batch are applied or in retry.
   * @throws UnavailableError when views cannot be read or written; then the whole batch has to be delivered again
   */
  async apply(batch: readonly PositionedCommit[]): Promise<void> {
    const failures = await this.#options.projector.apply(batch.map(({ commit }) => commit));
    const outage = failures.find(({ error }) => error instanceof UnavailableError);
    if (outage) throw outage.error;
    for (const failure of failures) this.#stall(failure, batch);
    if (this.#retries.size >= MAX_STALLED) await Promise.race(this.#retries);
  }

  /** The lowest position of a commit in retry; undefined when there is none. A restart has to read from there. */
  unfinished(): number | undefined {
    // Failures have no order, so the first entry need not be the oldest.
    let oldest: number | undefined;
    for (const { since } of this.#streams.values()) oldest = Math.min(since, oldest ?? since);
    return oldest;
  }

  /** Starts no further attempt. Streams in retry stay unfinished, so that the next start retries them. */
  close(): void {
    this.#closing.abort();
  }

  #stall(failure: ProjectionFailure, batch: readonly PositionedCommit[]): void {
    const { projection, generation, stream } = failure;
    const id = `${projection.name} ${generation} ${stream}`;
    const since = findPosition(failure, batch);
    const known = this.#streams.get(id);
    if (known) {
      known.more = true;
      known.since = Math.min(known.since, since);
      return;
    }
    const stalled = { since, more: false };
    this.#streams.set(id, stalled);
    const retry = this.#settle(failure, stalled).finally(() => {
      this.#retries.delete(retry);
      if (this.#closing.signal.aborted) return;
      this.#streams.delete(id);
      this.#options.onSettled();
    });
    this.#retries.add(retry);
  }

  async #settle(failure: ProjectionFailure, stalled: Stalled): Promise<void> {
    const { policy, logger } = this.#options;
    const { signal } = this.#closing;
    let logged = false;
    do {
      stalled.more = false;
      try {
        await this.#retryOrPark(failure);
      } catch (error) {
        if (signal.aborted) return;
        stalled.more = true;
        const outage = error instanceof UnavailableError;
        if (!outage && !logged) logger.error(UNREADABLE, { ...viewPlace(failure), error });
        logged ||= !outage;
        await pause(outage ? policy.initialDelayMs : policy.maxDelayMs, signal);
      }
    } while (stalled.more && !signal.aborted);
  }

  async #retryOrPark(failure: ProjectionFailure): Promise<void> {
    const { projector, policy, logger } = this.#options;
    const parked = await projector.retryOrPark(failure, policy);
    if (parked) logLines(logger).parkedByProjection(viewPlace(failure), parked, failure.error);
  }
}

const UNREADABLE = 'a view cannot be read or written; the projector retries it until its projection is rebuilt';

const viewPlace = ({ projection, generation, stream }: ProjectionFailure) => ({
  projection: projection.name,
  generation,
  stream,
});

/** The position from which a restart has to read: that of the failed commit, or of the batch when it lacks the commit. */
function findPosition(failure: ProjectionFailure, batch: readonly PositionedCommit[]): number {
  const found = batch.find(({ commit }) => commit === failure.commit) ?? batch[0];
  if (!found) throw new Error('an empty batch cannot fail');
  return found.position;
}
