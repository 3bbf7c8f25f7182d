import pLimit from 'p-limit';
import { type Commit, decodeCommit, endOf } from './commit.ts';
import { CorruptDataError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import { type AnyProjection, evolveView, type StoredView } from './projection.ts';
import { parseStreamId } from './stream-id.ts';
import type { ViewStore } from './view-store.ts';

/** The generation of a projection that is served until a rebuild has made another. */
export const LIVE_GENERATION = 1;

/** A commit that could not be applied to a projection, and with it all later ones of its stream in the batch. */
export interface ProjectionFailure {
  readonly projection: string;
  /** The generation of its views that the commit could not be applied to; others may have it. */
  readonly generation: number;
  readonly stream: string;
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
}

/**
 * Brings views up to date with commits, whatever the delivery did to them: what was applied before is skipped, what is
 * missing is read from the store first. So the effect is exactly once under duplicates, reordering and lost deliveries.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #limit;
  readonly #generations: NonNullable<ProjectorOptions['generations']>;

  constructor(options: ProjectorOptions) {
    this.#options = options;
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
    }
  }

  async #attemptIn(
    projection: AnyProjection,
    generation: number,
    commits: readonly Commit[],
  ): Promise<ProjectionFailure[]> {
    const [commit] = commits;
    if (!commit) return [];
    try {
      while (!(await this.#applyStream(projection, generation, commits))) {
        // Another worker moved this view's checkpoint between our read and our write: its work counts, look again.
      }
      return [];
    } catch (error) {
      return [{ projection: projection.name, generation, stream: commit.stream, commit, error }];
    }
  }

  /** One read, one fold, one conditional write. @returns false when the condition failed */
  async #applyStream(projection: AnyProjection, generation: number, commits: readonly Commit[]): Promise<boolean> {
    const [first] = commits;
    if (!first) return true;
    const { aggregateId } = parseStreamId(first.stream);
    const stored = await this.#options.views.get(projection.name, generation, aggregateId);
    const applied = stored?.version ?? 0;
    let view = stored?.view;
    let version = applied;
    for await (const commit of this.#withoutGaps(commits, applied)) {
      for (const event of decodeCommit(commit)) {
        if (event.sequenceNumber <= version) continue;
        if (event.sequenceNumber > version + 1)
          throw new CorruptDataError(`stream ${commit.stream} lacks version ${version + 1}`);
        view = evolveView(projection, view, event);
        version = event.sequenceNumber;
      }
    }
    if (version === applied) return true;
    const next: StoredView = {
      projection: projection.name,
      generation,
      key: aggregateId,
      version,
      group: view === undefined ? '' : projection.group.of(view),
      view,
    };
    return this.#options.views.put(next, applied);
  }

  /** The commits after `applied` in order, those that the batch lacks read from the store. */
  async *#withoutGaps(commits: readonly Commit[], applied: number): AsyncGenerator<Commit> {
    let version = applied;
    for (const commit of commits) {
      if (endOf(commit) <= version) continue;
      if (commit.version > version + 1) {
        yield* this.#options.store.commits(commit.stream, { from: version + 1, to: commit.version - 1 });
      }
      yield commit;
      version = endOf(commit);
    }
  }
}
