import { type Commit, endOf } from './commit.ts';
import { UnavailableError } from './errors.ts';
import type { EventStore } from './event-store.ts';
import { viewFold } from './fold.ts';
import { type Folded, foldCommits, type Progress } from './fold-commits.ts';
import type { Parked } from './parked.ts';
import type { AnyProjection, StoredView } from './projection.ts';
import { StateReader } from './state-reader.ts';
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
  readonly #states: StateReader;

  constructor({ store, views }: CheckpointOptions) {
    this.#store = store;
    this.#views = views;
    this.#states = new StateReader({ store });
  }

  /** The view of a stream as it is stored; at version 0 when there is none. */
  async read({ projection, generation, stream }: Place): Promise<StoredView> {
    const { aggregateId: key } = parseStreamId(stream);
    const none: StoredView = { projection: projection.name, generation, key, version: 0, group: '', view: undefined };
    return (await this.#views.get(projection.name, generation, key)) ?? none;
  }

  /** Folds delivered commits, in order, into a view; those that the delivery left out are read from the store. */
  async fold({ projection }: Place, stored: StoredView, commits: readonly Commit[]): Promise<Progress> {
    const base = await this.#inherit(projection, stored, commits.at(0));
    return foldCommits(projection, base, this.#withoutGaps(commits, stored.version));
  }

  /** Folds all there is after a view, commit by commit as far as each could be stored. @throws UnavailableError */
  async foldToHead({ projection, stream }: Place, stored: StoredView): Promise<Progress> {
    const commits = this.#store.commits(stream, { from: stored.version + 1 });
    const base = await this.#inherit(projection, stored, await this.#first(stream, stored));
    const progress = await foldCommits(projection, base, commits, (folded) => encodeView({ ...stored, ...folded }));
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

  /** The first commit of a stream of which nothing is in the view. */
  async #first(stream: string, { version }: { readonly version: number }): Promise<Commit | undefined> {
    return version > 0 ? undefined : (await Array.fromAsync(this.#store.commits(stream, { to: 1 }))).at(0);
  }

  /** The view that a fork goes on from, when none of its own commits is in it; any other view as it is. */
  async #inherit(projection: AnyProjection, { view, version }: StoredView, delivered?: Commit): Promise<Folded> {
    if (version > 0 || !delivered) return { view, version };
    const { stream } = delivered;
    const first = delivered.version === 1 ? delivered : await this.#first(stream, { version });
    if (!first) return { view, version };
    const { state } = await this.#states.inherit(viewFold(projection), { state: view, version }, first);
    return { view: state, version };
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
