import type { Origin } from '../events/define.ts';
import type { Commit } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { type Fold, type Folded, foldCommit, start } from './fold.ts';
import { Ancestry, originOf } from './lineage.ts';
import type { SnapshotStore } from './snapshot-store.ts';

/** Where histories and the snapshots of their states are. */
export interface HistoryParts {
  readonly store: EventStore;
  readonly snapshots?: SnapshotStore | undefined;
}

/**
 * The inherited state of a fork, before its first commit; any other state unchanged. Follows the parents back to a
 * snapshot or the beginning, and then folds forward.
 * @throws LineageError when the parents form a circle or are too many
 */
export async function inherit<State>(
  { store, snapshots }: HistoryParts,
  fold: Fold<State>,
  folded: Folded<State>,
  commit: Commit,
): Promise<Folded<State>> {
  const { catalogue } = store;
  let origin: Origin | undefined = folded.version === 0 ? originOf(commit, catalogue) : undefined;
  if (!origin) return folded;
  const ancestry = new Ancestry(commit.stream);
  const stretches: { base: Folded<State>; commits: AsyncIterable<Commit>; to: number }[] = [];
  while (origin) {
    ancestry.add(origin);
    const { stream, version: to }: Origin = origin;
    const snapshot: Folded<State> | undefined = await snapshots?.newest(fold, stream, { version: to }, store);
    const base = snapshot ?? start(fold);
    const [first, commits] = await firstOf(store.commits(stream, { from: base.version + 1, to, startsCommit: true }));
    stretches.push({ base, commits, to });
    origin = snapshot ? undefined : originOf(first, catalogue);
  }
  let { state } = start(fold);
  for (const { base, commits, to } of stretches.toReversed()) {
    let inherited: Folded<State> = base.version > 0 ? base : { state, version: 0 };
    for await (const own of commits) inherited = foldCommit(fold, inherited, own, { catalogue, to });
    state = inherited.state;
  }
  return { state, version: 0 };
}

/** The first of these commits, and all of them, still fetched as they are taken. */
async function firstOf(commits: AsyncIterable<Commit>): Promise<[Commit | undefined, AsyncIterable<Commit>]> {
  const rest = commits[Symbol.asyncIterator]();
  const first = await rest.next();
  async function* all(): AsyncGenerator<Commit> {
    if (first.done) return;
    yield first.value;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  }
  return [first.done ? undefined : first.value, all()];
}
