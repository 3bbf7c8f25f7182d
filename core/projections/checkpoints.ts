import { UnavailableError, ValidationError } from '../base/errors.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import type { Folded } from '../state/fold.ts';
import { StateReader } from '../state/state-reader.ts';
import { type Commit, endOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { CounterNames } from './counter-names.ts';
import { type CheckedFold, foldCommits } from './fold-commits.ts';
import type { Failure, Parked } from './parked.ts';
import { type AnyProjection, evolveView, isShared, keyIn, type StoredView } from './projection.ts';
import { type AnySharedProjection, type Increments, Tally } from './shared-projection.ts';
import { type CheckpointWrite, MAX_COUNTERS, MAX_ITEMS, type SharedViewStore } from './shared-view-store.ts';
import { TransactionSize } from './transaction-size.ts';
import { viewFold } from './view-fold.ts';
import type { ViewStore } from './view-store.ts';

/** One stream's place in one generation of a projection. */
export interface CheckpointKey {
  readonly projection: AnyProjection;
  readonly generation: number;
  readonly stream: string;
}

/** What a stream's commits made of its checkpoint, and what stopped them if something did. */
export interface FoldProgress {
  readonly view: JsonObject | undefined;
  readonly version: number;
  /** What shared views gain. */
  readonly increments: Increments;
  /** The fold stopped early, because what follows does not fit in the same transaction. */
  readonly more: boolean;
  readonly failure?: Failure;
}

/** A fold's result that is to be written. */
export interface Advance {
  readonly place: CheckpointKey;
  readonly stored: StoredView;
  readonly progress: FoldProgress;
}

export interface CheckpointOptions {
  readonly store: EventStore;
  readonly views: ViewStore;
  /** Where shared projections count; not needed without them. */
  readonly sharedViews?: SharedViewStore;
}

/** What a fold carries from event to event: the view, and what was counted so far, newest first. */
interface State {
  readonly view: JsonObject | undefined;
  readonly counted?: { readonly increments: Increments; readonly before: State['counted'] } | undefined;
}

/** Stops a fold at an event: what it counts does not fit in the transaction any more. */
class TransactionFull extends Error {
  override readonly name = 'TransactionFull';
}

const NOTHING: Increments = new Map();

/** How far projections are in streams: reads it, folds what comes after it, writes the result together with it. */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #states: StateReader;
  readonly #names: CounterNames;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#names = new CounterNames(options.views);
    this.#states = new StateReader({ store: options.store });
  }

  /** The view of a stream as it is stored; at version 0 when there is none. */
  async read(place: CheckpointKey): Promise<StoredView> {
    const { projection, generation, stream } = place;
    return (await this.#options.views.get(projection.name, generation, keyIn(projection, stream))) ?? this.none(place);
  }

  /** Whether a checkpoint has events that its stream has not. One read. @throws UnavailableError */
  async isAhead({ stream }: CheckpointKey, { version }: StoredView): Promise<boolean> {
    return version > 0 && (await this.#options.store.head(stream)) < version;
  }

  /** What is stored of a stream before its first event. */
  none({ projection, generation, stream }: CheckpointKey): StoredView {
    const key = keyIn(projection, stream);
    return { projection: projection.name, generation, key, version: 0, group: '', view: undefined };
  }

  /** Folds delivered commits, in order, into a view; those that the delivery left out are read from the store. */
  async fold({ projection }: CheckpointKey, stored: StoredView, commits: readonly Commit[]): Promise<FoldProgress> {
    return this.#progress(projection, stored, this.#withoutGaps(commits, stored.version));
  }

  /** Folds all there is after a view, commit by commit as far as each could be stored. @throws UnavailableError */
  foldToHead(place: CheckpointKey, stored: StoredView): Promise<FoldProgress> {
    return this.#foldStored(place, stored, {});
  }

  /** Folds the commit after a view. @throws UnavailableError */
  foldNext(place: CheckpointKey, stored: StoredView): Promise<FoldProgress> {
    return this.#foldStored(place, stored, { to: stored.version + 1 });
  }

  /** Folds a stream from its start to an event, however much that adds to: for comparisons, not to be written. */
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
    if (progress.failure?.error instanceof UnavailableError) throw progress.failure.error; // no fault of any event
    return progress;
  }

  /** Changes nothing but the mark of a stream. @returns whether the checkpoint was still as it was read */
  mark({ parked: expectedMark, ...stored }: StoredView, parked: Parked): Promise<boolean> {
    return this.#options.views.put({ ...stored, parked }, stored.version, expectedMark);
  }

  /** Writes what was folded, and the mark to have, if the checkpoint is still as it was read. @returns whether it was */
  write(place: CheckpointKey, stored: StoredView, progress: FoldProgress, parked?: Parked): Promise<boolean> {
    const { next, expectedVersion, expectedMark } = checkpointOf({ place, stored, progress }, parked);
    const { projection } = place;
    if (!isShared(projection) || progress.increments.size === 0) {
      return this.#options.views.put(next, expectedVersion, expectedMark);
    }
    return this.#add(projection, place.generation, [{ next, expectedVersion, expectedMark }], progress.increments);
  }

  /**
   * Writes what was folded of several streams into one generation of a shared projection in one transaction: a view that
   * all of them add to is then written once.
   * @returns false when nothing was written since one of them had moved
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
    // Any shard will do; which one follows from the stream, so that projectors at work side by side rarely meet.
    const shard = shards === 1 ? 0 : hash(writes[0]?.next.key ?? '') % shards;
    const increments = await this.#names.admit(projection, counted);
    return sharedViews.add(writes, { projection: name, generation, increments, shard, rank });
  }

  #progress(
    projection: AnyProjection,
    { view, version }: StoredView,
    commits: AsyncIterable<Commit>,
    options: ProgressOptions = {},
  ): Promise<FoldProgress> {
    const start = { state: { view }, version };
    return progressOf(projection, start, commits, { ...options, inherit: this.#inheritIn(projection) });
  }

  /** A shared view counts a fork's own events only: those before are its origin's. */
  #inheritIn(projection: AnyProjection): ProgressOptions['inherit'] {
    if (isShared(projection)) return undefined;
    return async ({ state, version }, first) => {
      const inherited = await this.#states.inherit(viewFold(projection), { state: state.view, version }, first);
      return { state: { view: inherited.state }, version };
    };
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

interface ProgressOptions {
  /** What the first commit of a stream goes on from. */
  readonly inherit?: CheckedFold<State>['inherit'];
  /** Folds up to this event, and all that there is; without it, as much as one transaction can write. */
  readonly upTo?: number;
}

async function* none(): AsyncGenerator<never> {}

async function progressOf(
  projection: AnyProjection,
  start: Folded<State>,
  commits: AsyncIterable<Commit>,
  { inherit, upTo }: ProgressOptions,
): Promise<FoldProgress> {
  const size = upTo === undefined ? new TransactionSize() : undefined;
  size?.add(NOTHING, 1);
  let last = start;
  const fold = {
    inherit,
    evolve: (state: State, event: DomainEvent) => {
      if (upTo !== undefined && event.sequenceNumber > upTo) return state;
      const next = evolveState(projection, state, event, size);
      last = { state: next, version: event.sequenceNumber };
      return next;
    },
  };
  const { failure, ...whole } = await foldCommits<State>(fold, start, commits);
  const more = failure?.error instanceof TransactionFull;
  // Whole commits as far as they fit. A commit that is too much for a transaction is taken in parts: sums show no appends.
  const { state, version } = more && whole.version === start.version ? last : whole;
  const increments = state.counted ? incrementsOf(state) : NOTHING;
  return {
    view: state.view,
    version: Math.min(version, upTo ?? version),
    increments,
    more,
    ...(failure && !more ? { failure } : {}),
  };
}

/** @throws TransactionFull, and what the projection throws */
function evolveState(
  projection: AnyProjection,
  { view, counted }: State,
  event: DomainEvent,
  size: TransactionSize | undefined,
): State {
  const next = evolveView(projection, view, event);
  if (!isShared(projection) || !projection.types.includes(event.type)) return { view: next, counted };
  const tally = new Tally();
  tally.add(projection.count(event, view, next));
  const increments = tally.increments();
  if (size && !size.add(increments)) throw size.isEmpty ? tooMuch(projection, increments) : new TransactionFull();
  return { view: next, counted: { increments, before: counted } };
}

const tooMuch = ({ name }: AnySharedProjection, { size }: Increments) =>
  new ValidationError([
    {
      path: '',
      message: `projection ${name} counts the event in ${size} views; an event counts in at most ${MAX_ITEMS - 1} views and ${MAX_COUNTERS} counters of each`,
    },
  ]);

function incrementsOf({ counted }: State): Increments {
  const tally = new Tally();
  for (let one = counted; one; one = one.before) tally.merge(one.increments);
  return tally.increments();
}

function checkpointOf({ place, stored, progress }: Advance, parked: Parked | undefined): CheckpointWrite {
  const { parked: expectedMark, ...rest } = stored;
  const { view, version } = progress;
  const { projection } = place;
  const group = view === undefined || isShared(projection) ? '' : projection.group.of(view);
  const next: StoredView = { ...rest, version, group, view, ...(parked ? { parked } : {}) };
  return { next, expectedVersion: stored.version, expectedMark };
}

/** FNV-1a, 32 bits: spreads keys evenly. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return sum >>> 0;
}
