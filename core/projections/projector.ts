import pLimit from 'p-limit';
import { CorruptDataError, UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { RetryPolicy } from '../base/retry.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import { type Advance, type CheckpointKey, type CheckpointOptions, Checkpoints } from './checkpoints.ts';
import { isParked, type Parked } from './parked.ts';
import { type AnyProjection, assertFed, isFedFrom, isShared, type StoredView } from './projection.ts';
import { retryOrPark } from './retry-or-park.ts';
import type { AnySharedProjection } from './shared-projection.ts';
import { TransactionSize } from './transaction-size.ts';

/** The live generation of a projection before its first rebuild. */
export const LIVE_GENERATION = 1;

/** A commit that could not be applied to a projection, with all later commits of its stream in the batch. */
export interface ProjectionFailure extends CheckpointKey {
  /** The first commit of the stream in the batch, as it was delivered. A redelivery must start there. */
  readonly commit: Commit;
  readonly error: unknown;
}

/** The parts of a {@link Projector}. */
export interface ProjectorOptions extends CheckpointOptions {
  readonly projections: readonly AnyProjection[];
  /**
   * The generations of a projection that take its commits: the live generation, and a generation that is being built.
   * Read before the first write and again after the last, so that a generation that begins in between is not missed;
   * see core/replays/generations.ts.
   */
  readonly generations?: (projection: string) => readonly number[] | Promise<readonly number[]>;
  /** Streams that are processed side by side; 10 by default. */
  readonly concurrency?: number;
  readonly now?: () => Date;
}

/**
 * Applies commits to views, whatever the delivery did to the commits. Applied commits are skipped; missing commits are
 * read from the store first. So the effect is exactly once under duplicates, reordering and lost deliveries. A stream
 * that is parked as a dead letter of a projection is skipped.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #checkpoints: Checkpoints;
  readonly #limit;
  readonly #generations: NonNullable<ProjectorOptions['generations']>;

  /** @throws Error for a projection with events that do not come from its streams */
  constructor(options: ProjectorOptions) {
    for (const projection of options.projections) assertFed(projection, options.store.catalogue);
    this.#options = options;
    this.#checkpoints = new Checkpoints(options);
    this.#generations = options.generations ?? (() => [LIVE_GENERATION]);
    this.#limit = pLimit(options.concurrency ?? 10);
  }

  /**
   * Applies a batch. Streams do not wait for each other.
   * @returns the failures; empty when all commits were applied
   * @throws the errors of `generations`; the batch then counts as not applied
   */
  async apply(commits: readonly Commit[]): Promise<readonly ProjectionFailure[]> {
    const byStream = Map.groupBy(commits, (commit) => commit.stream);
    const streams = [...byStream.values()];
    const runs = this.#options.projections.flatMap((projection) => {
      const fed = streams.filter((own) => isFedBy(projection, own, this.#options.store.catalogue));
      if (fed.length === 0) return [];
      if (isShared(projection)) return [this.#inEach(projection, (place) => this.#applyTogether(place, fed))];
      return fed.map((own) => this.#limit(() => this.#inEach(projection, (place) => this.#attempt(place, own))));
    });
    return (await Promise.all(runs)).flat();
  }

  /**
   * Tries a failure of `apply` again, after pauses, and parks the stream as a dead letter after the last attempt.
   * @returns the mark of the stream; undefined when an attempt succeeded, or the generation is not used any longer
   * @throws the error that prevented the write of the mark, UnavailableError above all; the commits must come again
   */
  async retryOrPark(failure: ProjectionFailure, policy: RetryPolicy): Promise<Parked | undefined> {
    const { now = () => new Date() } = this.#options;
    const wanted = await this.#generations(failure.projection.name);
    if (!wanted.includes(failure.generation)) return undefined;
    return retryOrPark(this.#checkpoints, failure, failure.error, policy, now);
  }

  /**
   * Applies a batch, tries failing streams again and parks them, before it returns: for Lambda. Failing streams are
   * tried side by side, so that a hundred of them take no longer than one.
   * @param onParked called for each stream that is parked as a dead letter
   * @returns the failures to deliver again: the storage could not be reached, or the mark could not be written
   */
  async applyOrPark(
    commits: readonly Commit[],
    policy: RetryPolicy,
    onParked: (failure: ProjectionFailure, parked: Parked) => void,
  ): Promise<readonly ProjectionFailure[]> {
    const settle = async (failure: ProjectionFailure) => {
      if (failure.error instanceof UnavailableError) return [failure];
      try {
        const parked = await this.retryOrPark(failure, policy);
        if (parked) onParked(failure, parked);
        return [];
      } catch (error) {
        return [{ ...failure, error }];
      }
    };
    return (await Promise.all((await this.apply(commits)).map(settle))).flat();
  }

  /** Does work in each generation that takes a projection's commits. */
  async #inEach<P extends AnyProjection>(
    projection: P,
    work: (of: Of<P>) => Promise<readonly ProjectionFailure[]>,
  ): Promise<readonly ProjectionFailure[]> {
    const failures: ProjectionFailure[] = [];
    const done = new Set<number>();
    for (;;) {
      const generation = (await this.#generations(projection.name)).find((wanted) => !done.has(wanted));
      if (generation === undefined) return failures;
      done.add(generation);
      failures.push(...(await work({ projection, generation })));
      // The commits come again. Until then the next generation also waits, so that it does not get ahead of this
      // generation.
      if (failures.some(({ error }) => error instanceof UnavailableError)) return failures;
    }
  }

  async #attempt(of: Of<AnyProjection>, commits: readonly Commit[]): Promise<readonly ProjectionFailure[]> {
    const [commit] = commits;
    if (!commit) return [];
    const place = { ...of, stream: commit.stream };
    try {
      await untilSettled(() => this.#applyStream(place, commits));
      return [];
    } catch (error) {
      return [{ ...place, commit, error }];
    }
  }

  /**
   * Applies the streams of a batch to a shared projection in as few transactions as possible. A view that all of them
   * add to is then written once a batch, and not once an event. After a failed transaction its streams are applied one
   * by one.
   */
  async #applyTogether(of: Of<AnySharedProjection>, streams: readonly Commit[][]): Promise<ProjectionFailure[]> {
    const failures: ProjectionFailure[] = [];
    const folded = streams.map((commits) =>
      this.#limit(async () => {
        const [commit] = commits;
        if (!commit) return undefined;
        const place = { ...of, stream: commit.stream };
        try {
          const advance = await this.#advance(place, commits);
          return advance && { ...advance, commits, commit };
        } catch (error) {
          failures.push({ ...place, commit, error });
          return undefined;
        }
      }),
    );
    const advances = (await Promise.all(folded)).filter((advance) => advance !== undefined);
    for (const together of transactions(advances)) failures.push(...(await this.#writeTogether(of, together)));
    return failures;
  }

  /** Writes one transaction. Streams that do not fit, or were not written, are applied one by one. */
  async #writeTogether(
    of: Of<AnySharedProjection>,
    together: readonly (Advance & { commits: readonly Commit[]; commit: Commit })[],
  ): Promise<readonly ProjectionFailure[]> {
    let written = false;
    try {
      written = await this.#checkpoints.writeTogether(of.projection, together);
    } catch (error) {
      // After an outage all commits come again. Any other error belongs to one stream, which is found one by one.
      if (error instanceof UnavailableError) return together.map(({ place, commit }) => ({ ...place, commit, error }));
    }
    const left = written ? together.filter(({ progress }) => progress.more) : together;
    return (await Promise.all(left.map(({ commits }) => this.#limit(() => this.#attempt(of, commits))))).flat();
  }

  /** Reads a checkpoint and folds the commits. @returns undefined when there is no change to write */
  async #advance(place: CheckpointKey, commits: readonly Commit[]): Promise<Advance | undefined> {
    const stored = await this.#checkpoints.read(place);
    if (isParked(stored)) return undefined;
    const inOrder = commits.toSorted((a, b) => a.version - b.version);
    const progress = await this.#checkpoints.fold(place, stored, inOrder);
    if (progress.failure) throw progress.failure.error;
    if (progress.version > stored.version) return { place, stored, progress };
    return (await this.#checkpoints.isAhead(place, stored)) ? this.#anew(place, stored) : undefined;
  }

  /**
   * A view that is ahead of its stream belongs to a lost history. It is folded again from the first event on.
   * @throws CorruptDataError for a shared projection, which cannot take back its counts
   */
  async #anew(place: CheckpointKey, stored: StoredView): Promise<Advance> {
    const { projection, stream } = place;
    if (isShared(projection)) {
      throw new CorruptDataError(
        `projection ${projection.name} counts events of stream ${stream} that the store lacks, as after a restore; rebuild the projection`,
      );
    }
    const progress = await this.#checkpoints.foldToHead(place, this.#checkpoints.none(place));
    if (progress.failure) throw progress.failure.error;
    return { place, stored, progress };
  }

  /**
   * One read, one fold, one conditional write.
   * @returns false when it must be repeated: the condition failed, or not all commits fit in one transaction
   */
  async #applyStream(place: CheckpointKey, commits: readonly Commit[]): Promise<boolean> {
    const advance = await this.#advance(place, commits);
    if (!advance) return true;
    const { stored, progress } = advance;
    return (await this.#checkpoints.write(place, stored, progress, stored.parked)) && !progress.more;
  }
}

/** A generation of a projection. */
interface Of<P extends AnyProjection> {
  readonly projection: P;
  readonly generation: number;
}

function isFedBy(projection: AnyProjection, [first]: readonly Commit[], catalogue: Catalogue): boolean {
  if (!first) return false;
  return isFedFrom(projection, parseStreamId(first.stream).aggregateType, catalogue);
}

/** Divides writes into transactions that each fit. */
function transactions<A extends Advance>(advances: readonly A[]): A[][] {
  const all: A[][] = [];
  let size = new TransactionSize();
  for (const advance of advances) {
    const { increments } = advance.progress;
    const last = all.at(-1);
    if (last && size.add(increments, 1)) {
      last.push(advance);
      continue;
    }
    all.push([advance]);
    size = new TransactionSize();
    size.add(increments, 1);
  }
  return all;
}
