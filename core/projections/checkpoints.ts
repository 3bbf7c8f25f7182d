import { UnavailableError } from '../base/errors.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { inherit } from '../state/inherit.ts';
import { type Commit, endOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { CounterNames } from './counter-names.ts';
import type { Parked } from './parked.ts';
import { type AnyProjection, entriesOf, groupOf, isShared, keyIn, type StoredView } from './projection.ts';
import { type AnySharedProjection, type Increments, Tally } from './shared-projection.ts';
import type { CheckpointWrite, SharedViewStore } from './shared-view-store.ts';
import { type FoldProgress, type ProgressOptions, progressOf } from './stream-fold.ts';
import { viewFold } from './view-fold.ts';
import type { ViewStore } from './view-store.ts';

/** The place of a stream's checkpoint: a stream in a generation of a projection. */
export interface CheckpointKey {
  readonly projection: AnyProjection;
  readonly generation: number;
  readonly stream: string;
}

/** The result of a fold, ready to write. */
export interface Advance {
  readonly place: CheckpointKey;
  readonly stored: StoredView;
  readonly progress: FoldProgress;
}

/** The stores of {@link Checkpoints}. */
export interface CheckpointOptions {
  readonly store: EventStore;
  readonly views: ViewStore;
  /** The counters of shared projections; not needed without such projections. */
  readonly sharedViews?: SharedViewStore;
}

/** The checkpoints of projections in streams: reads a checkpoint, folds the later commits, writes both together. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #names: CounterNames;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#names = new CounterNames(options.views);
  }

  /** The stored view of a stream; at version 0 when there is none. @throws UnavailableError */
  async read(place: CheckpointKey): Promise<StoredView> {
    const { projection, generation, stream } = place;
    return (await this.#options.views.get(projection.name, generation, keyIn(projection, stream))) ?? this.none(place);
  }

  /** Whether a checkpoint has events that its stream lacks. One read. @throws UnavailableError */
  async isAhead({ stream }: CheckpointKey, { version }: StoredView): Promise<boolean> {
    return version > 0 && (await this.#options.store.head(stream)) < version;
  }

  /** The view of a stream before its first event. */
  none({ projection, generation, stream }: CheckpointKey): StoredView {
    const key = keyIn(projection, stream);
    return { projection: projection.name, generation, key, version: 0, group: '', view: undefined };
  }

  /** Folds delivered commits, in order, into a view. Commits that the delivery omitted are read from the store. */
  async fold({ projection }: CheckpointKey, stored: StoredView, commits: readonly Commit[]): Promise<FoldProgress> {
    return this.#progress(projection, stored, this.#withoutGaps(commits, stored.version));
  }

  /** Folds all commits after a view, as far as one transaction can write them. @throws UnavailableError */
  foldToHead(place: CheckpointKey, stored: StoredView): Promise<FoldProgress> {
    return this.#foldStored(place, stored, {});
  }

  /** Folds the commit after a view. @throws UnavailableError */
  foldNext(place: CheckpointKey, stored: StoredView): Promise<FoldProgress> {
    return this.#foldStored(place, stored, { to: stored.version + 1 });
  }

  /**
   * Folds a stream from its start to an event, without the limit of a transaction: for comparisons, not for a write.
   */
  async foldTo(place: CheckpointKey, version: number): Promise<FoldProgress> {
    const { projection, stream } = place;
    const commits = version > 0 ? this.#options.store.commits(stream, { to: version }) : none();
    return this.#progress(projection, this.none(place), commits, { upTo: version });
  }

  /** The first event after a view; undefined when it cannot be read. @throws UnavailableError */
  async nextEvent({ stream }: CheckpointKey, { version }: StoredView): Promise<DomainEvent | undefined> {
    try {
      const events = this.#options.store.read(stream, { from: version + 1, limit: 1 });
      return (await Array.fromAsync(events)).at(0);
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      return undefined;
    }
  }

  async #foldStored(
    { projection, stream }: CheckpointKey,
    stored: StoredView,
    range: { readonly to?: number },
  ): Promise<FoldProgress> {
    const commits = this.#options.store.commits(stream, { from: stored.version + 1, ...range });
    const progress = await this.#progress(projection, stored, commits);
    if (progress.failure?.error instanceof UnavailableError) throw progress.failure.error; // an outage is no fault of an event
    return progress;
  }

  /** Changes only the mark of a stream. @returns false when the checkpoint has changed since it was read */
  mark({ parked: expectedMark, ...stored }: StoredView, parked: Parked): Promise<boolean> {
    return this.#options.views.put({ ...stored, parked }, stored.version, expectedMark);
  }

  /** Writes a fold and a mark. @returns false, without a write, when the checkpoint has changed since it was read */
  write(place: CheckpointKey, stored: StoredView, progress: FoldProgress, parked?: Parked): Promise<boolean> {
    const { projection } = place;
    const { next, expectedVersion, expectedMark } = checkpointOf({ place, stored, progress }, parked);
    if (!isShared(projection) || progress.increments.size === 0) {
      const entries = entriesOf(projection, progress.view);
      return this.#options.views.put(next, expectedVersion, expectedMark, entries);
    }
    return this.#add(projection, place.generation, [{ next, expectedVersion, expectedMark }], progress.increments);
  }

  /**
   * Writes the folds of several streams into one generation of a shared projection in one transaction. A view that all
   * of them add to is then written once.
   * @returns false, without a write, when one of the checkpoints has changed since it was read
   */
  async writeTogether(projection: AnySharedProjection, advances: readonly Advance[]): Promise<boolean> {
    const [first] = advances;
    if (!first) return true;
    const tally = new Tally();
    for (const { progress } of advances) tally.merge(progress.increments);
    const writes = advances.map((advance) => checkpointOf(advance, advance.stored.parked));
    return this.#add(projection, first.place.generation, writes, tally.increments());
  }

  async #add(
    projection: AnySharedProjection,
    generation: number,
    writes: CheckpointWrite[],
    counted: Increments,
  ): Promise<boolean> {
    const { sharedViews } = this.#options;
    if (!sharedViews) throw new Error(`projection ${projection.name} is shared, but there is no store for its views`);
    const { name, rank, shards } = projection;
    // Any shard is right. The stream decides it, so that projectors that work side by side rarely meet.
    const shard = shards === 1 ? 0 : hash(writes[0]?.next.key ?? '') % shards;
    const increments = await this.#names.admit(projection, counted);
    return sharedViews.add(writes, { projection: name, generation, increments, shard, rank });
  }

  #progress(
    projection: AnyProjection,
    { view, version }: StoredView,
    commits: AsyncIterable<Commit>,
    options: Pick<ProgressOptions, 'upTo'> = {},
  ): Promise<FoldProgress> {
    const start = { state: { view }, version };
    const { catalogue } = this.#options.store;
    return progressOf(projection, start, commits, { ...options, catalogue, inherit: this.#inheritIn(projection) });
  }

  /** The inherited state of a fork. A shared view counts only the events of the fork itself, and none of its parent. */
  #inheritIn(projection: AnyProjection): ProgressOptions['inherit'] {
    if (isShared(projection)) return undefined;
    return async ({ state, version }, first) => {
      const folded = { state: state.view, version };
      const inherited = await inherit({ store: this.#options.store }, viewFold(projection), folded, first);
      return { state: { view: inherited.state }, version };
    };
  }

  /** The commits after `applied` in order. Commits that the batch lacks are read from the store. */
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

async function* none(): AsyncGenerator<never> {}

function checkpointOf({ place, stored, progress }: Advance, parked: Parked | undefined): CheckpointWrite {
  const { parked: expectedMark, ...rest } = stored;
  const { view, version } = progress;
  const group = groupOf(place.projection, view);
  const next: StoredView = { ...rest, version, group, view, ...(parked ? { parked } : {}) };
  return { next, expectedVersion: stored.version, expectedMark };
}

/** FNV-1a, 32 bits: spreads keys evenly. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return sum >>> 0;
}
