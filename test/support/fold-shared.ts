import type { Catalogue } from '../../core/events/catalogue.ts';
import { SharedFold } from '../../core/projections/shared-fold.ts';
import { type AnySharedProjection, shownCounts } from '../../core/projections/shared-projection.ts';
import type { CounterValues } from '../../core/projections/shared-view-store.ts';
import type { Commit } from '../../core/store/commit.ts';

/** The counters of each view of a shared projection, folded in memory from a history. */
export async function foldShared(
  projection: AnySharedProjection,
  history: AsyncIterable<Commit>,
  catalogue: Catalogue,
): Promise<ReadonlyMap<string, CounterValues>> {
  const fold = new SharedFold(projection, catalogue);
  for await (const commit of history) fold.take(commit);
  return shownCounts(fold.increments());
}
