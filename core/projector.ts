import pLimit from 'p-limit';
import { Checkpoints, type Place } from './checkpoints.ts';
import type { Commit } from './commit.ts';
import { UnavailableError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import { isParked, type Parked } from './parked.ts';
import type { RetryPolicy } from './processor.ts';
import type { AnyProjection } from './projection.ts';
import { retryOrPark } from './retry-or-park.ts';
import { parseStreamId } from './stream-id.ts';
import type { ViewStore } from './view-store.ts';

/** The generation of a projection that is served until a rebuild has made another. */
export const LIVE_GENERATION = 1;

/** A commit that could not be applied to a projection, and with it all later ones of its stream in the batch. */
export interface ProjectionFailure extends Place {
  /** The first commit of the stream in the batch: where a redelivery has to start. */
  readonly commit: Commit;
  readonly error: unknown;
}

export interface ProjectorOptions {
  readonly projections: readonly AnyProjection[];
  readonly store: EventStore;
  readonly views: ViewStore;
  /**
   * The generations of a projection that want its commits: the live one, and one that is being built. Asked before the
   * first write and again after the last, so that a generation begun in between is not passed by; see core/generations.ts.
   */
  readonly generations?: (projection: string) => readonly number[] | Promise<readonly number[]>;
  /** Streams worked on side by side. */
  readonly concurrency?: number;
  readonly now?: () => Date;
}

/**
 * Brings views up to date with commits, whatever the delivery did to them: what was applied before is skipped, what is
 * missing is read from the store first. So the effect is exactly once under duplicates, reordering and lost deliveries.
 * A stream that is parked as a dead letter of a projection is passed by.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #checkpoints: Checkpoints;
  readonly #limit;
  readonly #generations: NonNullable<ProjectorOptions['generations']>;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#checkpoints = new Checkpoints(options);
    this.#generations = options.generations ?? (() => [LIVE_GENERATION]);
    this.#limit = pLimit(options.concurrency ?? 10);
  }

  /**
   * Applies a batch; streams do not wait for each other.
   * @returns what failed, empty when all is well
   * @throws what `generations` throws; the batch counts as not applied then
   */
  async apply(commits: readonly Commit[]): Promise<readonly ProjectionFailure[]> {
    const byStream = Map.groupBy(commits, (commit) => commit.stream);
    const runs = [...byStream.values()].flatMap((own) => {
      const sorted = own.toSorted((a, b) => a.version - b.version);
      return this.#fedBy(sorted).map((projection) => this.#limit(() => this.#attempt(projection, sorted)));
    });
    return (await Promise.all(runs)).flat();
  }

  /**
   * Tries again what `apply` could not apply, after pauses, and parks it as a dead letter when the attempts are used up.
   * @returns the mark that it got, undefined when an attempt succeeded
   * @throws UnavailableError when storage could not be reached: no fault of the events, so they have to come again
   */
  retryOrPark(failure: ProjectionFailure, policy: RetryPolicy): Promise<Parked | undefined> {
    const { now = () => new Date() } = this.#options;
    return retryOrPark(this.#checkpoints, failure, failure.error, policy, now);
  }

  /**
   * Applies a batch and settles what fails, for callers that must be done with it when they return: on Lambda. Streams
   * that fail are tried again side by side, so that a hundred of them take no longer than one.
   * @param onSettled told of each that was given up on: parked, or with the error that kept even that from being written
   * @returns what has to be delivered again, because storage could not be reached
   */
  async applyOrPark(
    commits: readonly Commit[],
    policy: RetryPolicy,
    onSettled: (failure: ProjectionFailure, result: { parked: Parked } | { error: unknown }) => void,
  ): Promise<readonly ProjectionFailure[]> {
    const settle = async (failure: ProjectionFailure) => {
      if (failure.error instanceof UnavailableError) return [failure];
      try {
        const parked = await this.retryOrPark(failure, policy);
        if (parked) onSettled(failure, { parked });
        return [];
      } catch (error) {
        if (error instanceof UnavailableError) return [{ ...failure, error }];
        onSettled(failure, { error });
        return [];
      }
    };
    return (await Promise.all((await this.apply(commits)).map(settle))).flat();
  }

  #fedBy([first]: readonly Commit[]): readonly AnyProjection[] {
    if (!first) return [];
    const { aggregateType } = parseStreamId(first.stream);
    return this.#options.projections.filter((projection) => projection.aggregateType === aggregateType);
  }

  async #attempt(projection: AnyProjection, commits: readonly Commit[]): Promise<ProjectionFailure[]> {
    const failures: ProjectionFailure[] = [];
    const done = new Set<number>();
    for (;;) {
      const generation = (await this.#generations(projection.name)).find((wanted) => !done.has(wanted));
      if (generation === undefined) return failures;
      done.add(generation);
      failures.push(...(await this.#attemptIn(projection, generation, commits)));
      // The commits come again; until then the next generation waits, too, and does not get ahead of this one.
      if (failures.some(({ error }) => error instanceof UnavailableError)) return failures;
    }
  }

  async #attemptIn(
    projection: AnyProjection,
    generation: number,
    commits: readonly Commit[],
  ): Promise<ProjectionFailure[]> {
    const [commit] = commits;
    if (!commit) return [];
    const place = { projection, generation, stream: commit.stream };
    try {
      while (!(await this.#applyStream(place, commits))) {
        // Another worker moved this view's checkpoint between our read and our write: its work counts, look again.
      }
      return [];
    } catch (error) {
      return [{ ...place, commit, error }];
    }
  }

  /** One read, one fold, one conditional write. @returns false when the condition failed */
  async #applyStream(place: Place, commits: readonly Commit[]): Promise<boolean> {
    const stored = await this.#checkpoints.read(place);
    if (isParked(stored)) return true;
    const { failure, ...folded } = await this.#checkpoints.fold(place, stored, commits);
    if (failure) throw failure.error;
    return folded.version === stored.version || this.#checkpoints.write(place, stored, folded, stored.parked);
  }
}
