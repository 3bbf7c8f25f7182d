import pLimit from 'p-limit';
import { CorruptDataError, UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import type { RetryPolicy } from '../base/retry.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import { type Advance, type CheckpointKey, type CheckpointOptions, Checkpoints } from './checkpoints.ts';
import { isParked, type Parked } from './parked.ts';
import { type AnyProjection, aggregateTypesOf, assertFed, isShared, type StoredView } from './projection.ts';
import { retryOrPark } from './retry-or-park.ts';
import type { AnySharedProjection } from './shared-projection.ts';
import { TransactionSize } from './transaction-size.ts';

/** The generation of a projection that is served until a rebuild has made another. */
export const LIVE_GENERATION = 1;

/** A commit that could not be applied to a projection, and with it all later ones of its stream in the batch. */
export interface ProjectionFailure extends CheckpointKey {
  /** The first commit of the stream in the batch, as it was delivered: where a redelivery has to start. */
  readonly commit: Commit;
  readonly error: unknown;
}

export interface ProjectorOptions extends CheckpointOptions {
  readonly projections: readonly AnyProjection[];
  /**
   * The generations of a projection that want its commits: the live one, and one that is being built. Asked before the
   * first write and again after the last, so that a generation begun in between is not passed by; see core/replays/generations.ts.
   */
  readonly generations?: (projection: string) => readonly number[] | Promise<readonly number[]>;
  /** Streams processed side by side. */
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

  /** @throws Error for a projection that takes events which do not come from its streams */
  constructor(options: ProjectorOptions) {
    for (const projection of options.projections) assertFed(projection, options.store.catalogue);
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
   * Tries again what `apply` could not apply, after pauses, and parks it as a dead letter when the attempts are used up.
   * @returns the mark that the stream got; undefined when an attempt succeeded, or nobody wants the generation any more
   * @throws what kept even the mark from being written: the commits have to come again
   */
  async retryOrPark(failure: ProjectionFailure, policy: RetryPolicy): Promise<Parked | undefined> {
    const { now = () => new Date() } = this.#options;
    const wanted = await this.#generations(failure.projection.name);
    if (!wanted.includes(failure.generation)) return undefined;
    return retryOrPark(this.#checkpoints, failure, failure.error, policy, now);
  }

  /**
   * Applies a batch and settles what fails, for callers that must be done with it when they return: on Lambda. Streams
   * that fail are tried again side by side, so that a hundred of them take no longer than one.
   * @param onParked called for each stream that is parked as a dead letter
   * @returns what has to be delivered again: storage could not be reached, or not even a mark could be written
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

  /** Does work in each generation that wants a projection's commits. */
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
      // The commits come again; until then the next generation waits, too, and does not get ahead of this one.
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
   * Applies the streams of a batch to a shared projection in as few transactions as there can be: what all of them add to
   * is then written once a batch, not once an event. A transaction that fails is made up for stream by stream.
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

  /** Writes one transaction, and stream by stream what does not fit in it or was not written by it. */
  async #writeTogether(
    of: Of<AnySharedProjection>,
    together: readonly (Advance & { commits: readonly Commit[]; commit: Commit })[],
  ): Promise<readonly ProjectionFailure[]> {
    let written = false;
    try {
      written = await this.#checkpoints.writeTogether(of.projection, together);
    } catch (error) {
      // An outage concerns all of them: they come again. Any other error is of one stream, which is found alone.
      if (error instanceof UnavailableError) return together.map(({ place, commit }) => ({ ...place, commit, error }));
    }
    const left = written ? together.filter(({ progress }) => progress.more) : together;
    return (await Promise.all(left.map(({ commits }) => this.#limit(() => this.#attempt(of, commits))))).flat();
  }

  /** Reads and folds. @returns undefined when there is nothing to write */
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
   * A view that is ahead of its stream is of a history that was lost: it is folded again from the first event on.
   * @throws CorruptDataError when it is shared, for what it counted cannot be taken back
   */
  async #anew(place: CheckpointKey, stored: StoredView): Promise<Advance> {
    const { projection, stream } = place;
    if (isShared(projection)) {
      throw new CorruptDataError(
        `projection ${projection.name} counts events of stream ${stream} that the store does not have, as after a restore; rebuild the projection`,
      );
    }
    const progress = await this.#checkpoints.foldToHead(place, this.#checkpoints.none(place));
    if (progress.failure) throw progress.failure.error;
    return { place, stored, progress };
  }

  /**
   * One read, one fold, one conditional write.
   * @returns false when it has to be done again: the condition failed, or not all of it fits in one transaction
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
  return aggregateTypesOf(projection, catalogue).includes(parseStreamId(first.stream).aggregateType);
}

/** Splits what is to be written into what fits in one transaction each. */
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
