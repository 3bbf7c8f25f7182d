import { turn, turnAfter } from '../base/turns.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Clock } from '../events/clock.ts';
import { type Commit, endOf, jsonBytesOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { PORTION_BYTES } from '../store/portions.ts';
import { type Metrics, noMetrics } from '../telemetry/metrics.ts';
import { type Fold, type Folded, foldCommit, start } from './fold.ts';
import { type Happened, happenedBy } from './happened.ts';
import { type HistoryParts, inherit } from './inherit.ts';
import type { Snapshot, SnapshotStore } from './snapshot-store.ts';
import { type Known, StateCache } from './state-cache.ts';

/** The result of a load. */
export interface Loaded<State> extends Folded<State> {
  /** The commit with the requested id, if any: the state is the state right after it. */
  readonly repeat?: Commit | undefined;
}

/** The key of a request that may have been carried out before. */
export interface RequestKey {
  readonly commitId?: string | undefined;
  /** A caller gave the key, so a note of a request without effect may exist. */
  readonly noted?: boolean;
}

interface Found<State> extends Known<State> {
  /** The commit with the requested id. */
  readonly repeat?: Commit;
}

/** A moment of a stream. */
export interface Past {
  readonly version?: StreamVersion | undefined;
  readonly at?: Date | undefined;
  /** The time of events that `at` means: `recorded` by default. */
  readonly clock?: Clock | undefined;
}

export interface StateReaderOptions {
  readonly store: EventStore;
  /** Without it, states are folded from the start of their streams. */
  readonly snapshots?: SnapshotStore | undefined;
  /** Most memory of states and commit ids that are kept, together, bytes by estimate; 0 keeps none. */
  readonly cacheBytes?: number;
  readonly metrics?: Metrics;
}

/** Most commit ids kept of a stream; beyond that the store looks them up. */
const MAX_COMMIT_IDS = 1_000;
/** Commits of the first request for a stream, newest first: one request reads a short stream whole. */
const FIRST_LOOK = 25;
/** A longer look at the past gives others their turns, milliseconds. */
const FREE_MS = 5;
/**
 * A larger load gives others their turns, bytes. It is not a time: when many load at once, each of them takes long, and
 * short loads would queue behind each other for seconds.
 */
const FREE_BYTES = 64 * 1_024;

/**
 * Loads states with few reads: a warm process reads the commits after its cached state (one query), a cold one the
 * newest snapshot and the commits after it. The result may be outdated at once, as any read; the condition of the write
 * decides.
 */
export class StateReader {
  readonly #parts: HistoryParts;
  readonly #store: EventStore;
  readonly #snapshots: SnapshotStore | undefined;
  readonly #cache: StateCache;
  readonly #metrics: Metrics | undefined;

  constructor({ store, snapshots, cacheBytes = 0, metrics = noMetrics }: StateReaderOptions) {
    this.#parts = { store, snapshots };
    this.#store = store;
    this.#snapshots = snapshots;
    this.#cache = new StateCache(cacheBytes);
    this.#metrics = cacheBytes > 0 ? metrics : undefined; // without a cache there are no hits
  }

  /** The newest state, or the state right after the commit or the note with the key, if any. */
  async load<State>(fold: Fold<State>, stream: string, key: RequestKey = {}): Promise<Loaded<State>> {
    const known = this.#cache.get(fold, stream);
    this.#metrics?.count('cache_reads_total', { result: known ? 'hit' : 'miss' });
    const { repeat, ...found } = await (known
      ? this.#loadWarm(fold, stream, known, key)
      : this.#loadCold(fold, stream, key));
    if (repeat) {
      const after = endOf(repeat);
      const folded = found.version === after ? found : await this.past(fold, stream, { version: after });
      return { state: folded.state, version: after, repeat };
    }
    this.#remember(fold, stream, found);
    return { state: found.state, version: found.version };
  }

  /**
   * The state after the event of a version, or at an instant. By `recorded` the state ends before the first event
   * recorded later. By `happened` it has every event that had happened ({@link happenedBy}); the stream is read to its
   * end, because an event may come late.
   */
  async past<State>(fold: Fold<State>, stream: string, { version, at, clock }: Past): Promise<Folded<State>> {
    if (at && clock === 'happened') return this.#happened(fold, stream, at);
    const to = version ?? Number.MAX_SAFE_INTEGER;
    const snapshot = await this.#snapshots?.newest(fold, stream, { version: to, at }, this.#store);
    let folded: Folded<State> = snapshot ?? start(fold);
    const next = turnAfter(FREE_MS);
    for await (const commit of this.#store.commits(stream, { from: folded.version + 1, to, startsCommit: true })) {
      if (at && Date.parse(commit.recordedAt) > at.getTime()) break;
      folded = foldCommit(fold, await inherit(this.#parts, fold, folded, commit), commit, {
        catalogue: this.#store.catalogue,
        to,
      });
      await next();
    }
    return { state: folded.state, version: folded.version };
  }

  async #happened<State>(fold: Fold<State>, stream: string, at: Date): Promise<Folded<State>> {
    const evolve = happenedBy<State>((state, event) => fold.evolve(state, event), at);
    const range = { version: Number.MAX_SAFE_INTEGER, at, clock: 'happened' } as const;
    const base = (await this.#snapshots?.newest(fold, stream, range, this.#store)) ?? start(fold);
    let folded: Folded<Happened<State>> = { state: base, version: base.version };
    const next = turnAfter(FREE_MS);
    for await (const commit of this.#store.commits(stream, { from: base.version + 1, startsCommit: true })) {
      const own = { state: folded.state.state, version: folded.version };
      const { state } = await inherit(this.#parts, fold, own, commit);
      const before = { state: { ...folded.state, state }, version: folded.version };
      folded = foldCommit({ evolve }, before, commit, { catalogue: this.#store.catalogue });
      await next();
    }
    const { state, version } = folded.state;
    return version === 0 ? start(fold) : { state, version };
  }

  /** Caches the state after a commit of this process. */
  written<State>(fold: Fold<State>, stream: string, loaded: number, after: Folded<State>, commitId?: string): void {
    const known = this.#cache.get(fold, stream);
    const commitIds = known?.version === loaded ? known.commitIds : undefined; // else ids in between are missing
    if (commitId !== undefined) commitIds?.add(commitId);
    this.#remember(fold, stream, { ...after, commitIds });
  }

  /** One query for new commits. A commit id that may be older is looked up in parallel. */
  async #loadWarm<State>(fold: Fold<State>, stream: string, known: Known<State>, { commitId, noted }: RequestKey) {
    const mayBeOlder = commitId !== undefined && (noted || known.commitIds?.has(commitId) !== false);
    const [earlier, found] = await Promise.all([
      mayBeOlder ? this.#store.findCommit(stream, commitId) : undefined,
      this.#foldOn(fold, known, this.#store.commits(stream, { from: known.version + 1, startsCommit: true }), commitId),
    ]);
    return earlier ? { ...found, repeat: earlier } : found;
  }

  /** One query for a short stream; for a long one a second, and a snapshot, both at once. */
  async #loadCold<State>(fold: Fold<State>, stream: string, key: RequestKey): Promise<Found<State>> {
    const { commitId } = key;
    const beginning: Known<State> = { ...start(fold), commitIds: new Set() };
    if (!this.#snapshots) {
      return this.#noted(stream, await this.#foldOn(fold, beginning, this.#store.commits(stream), commitId), key);
    }
    const newest = await this.#newestCommits(stream);
    const [first, last] = [newest.at(0), newest.at(-1)];
    if (!first || !last || first.version === 1) {
      return this.#noted(stream, await this.#foldOn(fold, beginning, newest, commitId), key);
    }
    const head = endOf(last);
    const [candidate, between, earlier] = await Promise.all([
      this.#snapshots.candidate(fold, stream, { version: head }),
      this.#between(stream, this.#snapshots.milestone(head), first.version),
      commitId === undefined ? undefined : this.#store.findCommit(stream, commitId),
    ]);
    const tail = [...between, ...newest];
    const snapshot = candidate && (await this.#ofThisHistory(this.#snapshots, fold, candidate, tail));
    let base: Found<State> = snapshot ? { ...snapshot, commitIds: undefined } : beginning;
    const to = (tail.at(0)?.version ?? 1) - 1;
    // Nothing is left to read here, unless the snapshot that should be there is not.
    const gap = { from: base.version + 1, to, startsCommit: true };
    if (gap.from <= to) base = await this.#foldOn(fold, base, this.#store.commits(stream, gap), commitId);
    const found = base.repeat ? base : await this.#foldOn(fold, base, tail, commitId);
    return earlier ? { ...found, repeat: earlier } : found;
  }

  /** A stream that was folded whole has no commit under the key; it may have a note, unless it is empty. */
  async #noted<State>(stream: string, found: Found<State>, { commitId, noted }: RequestKey): Promise<Found<State>> {
    if (found.repeat || found.version === 0 || commitId === undefined || !noted) return found;
    const repeat = await this.#store.findCommit(stream, commitId);
    return repeat ? { ...found, repeat } : found;
  }

  /** The last commits of a stream, oldest first. */
  async #newestCommits(stream: string): Promise<Commit[]> {
    const commits: Commit[] = [];
    let bytes = 0;
    for await (const commit of this.#store.commits(stream, { direction: 'backward', limit: FIRST_LOOK })) {
      bytes += jsonBytesOf(commit);
      if (commits.push(commit) === FIRST_LOOK || bytes >= PORTION_BYTES) break;
    }
    return commits.reverse();
  }

  /** A snapshot if it ends in a commit of the stream, else an older one that does. The tail has that commit, as a rule. */
  async #ofThisHistory<State>(
    snapshots: SnapshotStore,
    fold: Fold<State>,
    candidate: Snapshot<State>,
    tail: readonly Commit[],
  ): Promise<Snapshot<State> | undefined> {
    const { stream, version } = candidate;
    const last = tail.find((commit) => endOf(commit) >= version);
    if (!last || (tail[0]?.version ?? 0) > version) return snapshots.newest(fold, stream, { version }, this.#store);
    if (snapshots.accepts(fold, candidate, last)) return candidate;
    return snapshots.newest(fold, stream, { version: snapshots.milestone(version) - 1 }, this.#store);
  }

  /** The commits from a milestone's on that start before a version, oldest first; none when there can be no snapshot. */
  async #between(stream: string, milestone: number, before: number): Promise<Commit[]> {
    const [from, to] = [before - 1, milestone];
    if (milestone === 0 || from < to) return [];
    const limit = from - to + 1;
    const commits: Commit[] = [];
    let bytes = 0;
    for await (const commit of this.#store.commits(stream, { direction: 'backward', from, to, limit })) {
      commits.push(commit);
      bytes += jsonBytesOf(commit);
      if (bytes >= PORTION_BYTES) return []; // read forward then, commit by commit, from the snapshot on
    }
    return commits.reverse();
  }

  #remember<State>(fold: Fold<State>, stream: string, { state, version, commitIds }: Known<State>): void {
    const all = commitIds && commitIds.size <= MAX_COMMIT_IDS ? commitIds : undefined;
    this.#cache.set(fold, stream, { state, version, commitIds: all });
  }

  /** Folds commits in, up to and including the one under `commitId` if it is among them. */
  async #foldOn<State>(
    fold: Fold<State>,
    known: Known<State>,
    commits: AsyncIterable<Commit> | Iterable<Commit>,
    commitId?: string,
  ): Promise<Found<State>> {
    const { commitIds } = known;
    let folded: Folded<State> = known;
    let bytes = 0;
    for await (const commit of commits) {
      folded = foldCommit(fold, await inherit(this.#parts, fold, folded, commit), commit, {
        catalogue: this.#store.catalogue,
      });
      bytes += jsonBytesOf(commit);
      if (bytes > FREE_BYTES) await turn();
      if (!commit.keyed) continue;
      if (commit.commitId === commitId) {
        return { state: folded.state, version: folded.version, commitIds, repeat: commit };
      }
      commitIds?.add(commit.commitId);
    }
    return { state: folded.state, version: folded.version, commitIds };
  }
}
