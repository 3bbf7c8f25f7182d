import type { DomainEvent } from '../../events/catalogue.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { LoggedCommit } from '../log/log.ts';
import { foldCommit } from '../state/fold.ts';
import { type Commit, endOf } from '../store/commit.ts';
import { evolveView } from './projection.ts';
import { type AnySharedProjection, homesOf, shownCounts, Tally } from './shared-projection.ts';
import type { CounterValues } from './shared-view-store.ts';

/** What is known of a stream while the history is read. */
interface Stream {
  own: object | undefined;
  version: number;
  /** Commits that came before one that they follow. */
  readonly early: Map<number, Commit>;
}

/**
 * Folds a history into the views of a shared projection, in memory, which takes as much as there are streams.
 * @param history all commits of the streams that feed it; some may come twice, and those of a stream out of order
 * @param until only events that the store took up to then: of each stream the start, up to the first that is later
 * @returns the counters of each view
 */
export async function foldShared(
  projection: AnySharedProjection,
  history: AsyncIterable<LoggedCommit>,
  until?: Date,
): Promise<ReadonlyMap<string, CounterValues>> {
  const homes: ReadonlySet<string> = new Set(homesOf(projection));
  const streams = new Map<string, Stream>();
  const tally = new Tally();
  for await (const { commit } of history) {
    if (!homes.has(parseStreamId(commit.stream).aggregateType)) continue;
    const stream = streams.get(commit.stream) ?? { own: undefined, version: 0, early: new Map() };
    streams.set(commit.stream, stream);
    if (commit.version > stream.version) stream.early.set(commit.version, commit);
    for (let next = stream.early.get(stream.version + 1); next; next = stream.early.get(stream.version + 1)) {
      stream.early.delete(next.version);
      const isLater = until && Date.parse(next.recordedAt) > until.getTime();
      if (!isLater) stream.own = take(projection, stream.own, next, tally);
      stream.version = isLater ? Number.POSITIVE_INFINITY : endOf(next);
    }
  }
  return shownCounts(tally.increments());
}

function take(projection: AnySharedProjection, before: object | undefined, commit: Commit, tally: Tally) {
  const evolve = (own: object | undefined, event: DomainEvent) => {
    if (!projection.types.includes(event.type)) return own;
    const next = evolveView(projection, own, event);
    tally.add(projection.count(event, own, next));
    return next;
  };
  return foldCommit({ evolve }, { state: before, version: commit.version - 1 }, commit).state;
}
