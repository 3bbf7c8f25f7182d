import pLimit from 'p-limit';
import { parseStreamId } from '../base/stream-id.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import { type Commit, endOf, identityOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { type AnyFold, type Folded, foldCommit, start } from './fold.ts';
import { inherit } from './inherit.ts';
import type { Snapshot, SnapshotStore } from './snapshot-store.ts';

export interface SnapshotWriterOptions {
  readonly store: EventStore;
  readonly snapshots: SnapshotStore;
  /** The folds with snapshots. */
  readonly folds: readonly AnyFold[];
  /** Called when the snapshots of a stream were not written; the next milestone tries again. */
  readonly onError: (stream: string, error: unknown) => void;
}

interface StreamProgress {
  readonly fold: AnyFold;
  readonly folded: Folded<unknown>;
}

/** Streams whose snapshots are made side by side. */
const CONCURRENCY = 4;

/**
 * Writes snapshots beside the projector, not on the path of commands: the state after each commit that passes a
 * multiple of the interval. The same commit makes the same snapshot, so a repeat is harmless.
 */
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  readonly #limit = pLimit(CONCURRENCY);

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
  }

  /** Writes the due snapshots of new commits. Does not throw: a missing snapshot costs a longer read only. */
  async write(commits: readonly Commit[]): Promise<void> {
    const due = Map.groupBy(
      commits.filter((commit) => this.#isDue(commit)),
      ({ stream }) => stream,
    );
    const work = [...due].map(([stream, own]) =>
      this.#limit(() => this.#writeStream(stream, own).catch((error) => this.#options.onError(stream, error))),
    );
    await Promise.all(work);
  }

  #isDue(commit: Commit): boolean {
    const { snapshots } = this.#options;
    return snapshots.milestone(endOf(commit)) > snapshots.milestone(commit.version - 1);
  }

  /** Reads once from the snapshots before the first due commit up to the last. */
  async #writeStream(stream: string, due: readonly Commit[]): Promise<void> {
    const { store, snapshots, folds } = this.#options;
    const { aggregateType } = parseStreamId(stream);
    const own = folds.filter((fold) => fold.aggregateType === aggregateType);
    if (own.length === 0) return;
    const before = Math.min(...due.map(({ version }) => version)) - 1;
    const bases = await Promise.all(own.map((fold) => snapshots.newest(fold, stream, { version: before }, store)));
    let progress = own.map((fold, index): StreamProgress => ({ fold, folded: bases[index] ?? start(fold) }));
    // The latest time of all commits, since the clocks of writers differ.
    let recordedAt = bases.reduce((latest, base) => (base && base.recordedAt > latest ? base.recordedAt : latest), '');
    let happenedBy = bases.every((base) => !base || base.happenedBy !== undefined) ? latestOf(bases) : undefined;
    const from = Math.min(...progress.map(({ folded }) => folded.version)) + 1;
    const to = Math.max(...due.map(endOf));
    for await (const commit of store.commits(stream, { from, to, startsCommit: true })) {
      const onEvent = ({ timestamp }: DomainEvent) => {
        if (happenedBy !== undefined) happenedBy = later(happenedBy, timestamp);
      };
      progress = await Promise.all(progress.map((own) => this.#foldIn(own, commit, onEvent)));
      if (commit.recordedAt > recordedAt) recordedAt = commit.recordedAt;
      if (!this.#isDue(commit)) continue;
      const version = endOf(commit);
      const times = { recordedAt, ...(happenedBy ? { happenedBy } : {}) };
      const written = progress.filter(({ folded }) => folded.version === version);
      await Promise.all(
        written.map(({ fold, folded }) =>
          snapshots.put(fold, { ...times, stream, version, endsIn: identityOf(commit), state: folded.state }),
        ),
      );
    }
  }

  async #foldIn(
    { fold, folded }: StreamProgress,
    commit: Commit,
    onEvent: (event: DomainEvent) => void,
  ): Promise<StreamProgress> {
    const { catalogue } = this.#options.store;
    const inherited = await inherit(this.#options, fold, folded, commit);
    return { fold, folded: foldCommit(fold, inherited, commit, { catalogue, onEvent }) };
  }
}

const latestOf = (bases: readonly (Snapshot<unknown> | undefined)[]): string =>
  bases.reduce((latest, base) => later(latest, base?.happenedBy ?? ''), '');

/** The later of two instants; '' is before every instant. */
const later = (a: string, b: string): string => (a !== '' && Date.parse(a) >= Date.parse(b) ? a : b);
