import { type Commit, endOf } from './commit.ts';
import { UnavailableError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import { type Folded, foldCommits, type Progress } from './fold-commits.ts';
import type { Parked } from './parked.ts';
import type { AnyProjection, StoredView } from './projection.ts';
import { parseStreamId } from './stream-id.ts';
import { encodeView, type ViewStore } from './view-store.ts';

/** One stream's place in one generation of a projection. */
export interface Place {
  readonly projection: AnyProjection;
  readonly generation: number;
  readonly stream: string;
}

export interface CheckpointOptions {
  readonly store: EventStore;
  readonly views: ViewStore;
}

/** How far projections are in streams: reads it, folds what comes after it, writes the result together with it. */
export class Checkpoints {
  readonly #store: EventStore;
  readonly #views: ViewStore;

  constructor({ store, views }: CheckpointOptions) {
    this.#store = store;
    this.#views = views;
  }

  /** The view of a stream as it is stored; at version 0 when there is none. */
  async read({ projection, generation, stream }: Place): Promise<StoredView> {
    const { aggregateId: key } = parseStreamId(stream);
    const none: StoredView = { projection: projection.name, generation, key, version: 0, group: '', view: undefined };
    return (await this.#views.get(projection.name, generation, key)) ?? none;
  }

  /** Folds delivered commits, in order, into a view; those that the delivery left out are read from the store. */
  fold({ projection }: Place, stored: StoredView, commits: readonly Commit[]): Promise<Progress> {
    return foldCommits(projection, stored, this.#withoutGaps(commits, stored.version));
  }

  /** Folds all there is after a view, commit by commit as far as each could be stored. @throws UnavailableError */
  async foldToHead({ projection, stream }: Place, stored: StoredView): Promise<Progress> {
    const commits = this.#store.commits(stream, { from: stored.version + 1 });
    const progress = await foldCommits(projection, stored, commits, (folded) => encodeView({ ...stored, ...folded }));
    if (progress.failure?.error instanceof UnavailableError) throw progress.failure.error; // no fault of any event
    return progress;
  }

  /** Writes what was folded, and the mark to have, if the checkpoint is still as it was read. @returns whether it was */
  write({ projection }: Place, stored: StoredView, { view, version }: Folded, parked?: Parked): Promise<boolean> {
    const { parked: mark, ...place } = stored;
    const group = view === undefined ? '' : projection.group.of(view);
    const next: StoredView = { ...place, version, group, view, ...(parked ? { parked } : {}) };
    return this.#views.put(next, stored.version, mark);
  }

  /** The commits after `applied` in order, those that the batch lacks read from the store. */
  async *#withoutGaps(commits: readonly Commit[], applied: number): AsyncGenerator<Commit> {
    let version = applied;
    for (const commit of commits) {
      if (endOf(commit) <= version) continue;
      if (commit.version > version + 1) {
        yield* this.#store.commits(commit.stream, { from: version + 1, to: commit.version - 1 });
      }
      yield commit;
      version = endOf(commit);
    }
  }
}
