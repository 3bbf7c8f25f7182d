import { NotFoundError, ValidationError } from '../../core/base/errors.ts';
import type { Clock } from '../../core/events/clock.ts';
import type { PastFolds } from '../../core/projections/past-folds.ts';
import { type AnySharedProjection, treeOf } from '../../core/projections/shared-projection.ts';
import type { CounterValues, SharedViewStore } from '../../core/projections/shared-view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';

/** The stores from which a shared view is read. */
export interface SharedViewSources {
  readonly sharedViews: SharedViewStore;
  readonly generations: LiveGenerations;
  readonly past: PastFolds;
}

interface SharedQuery {
  readonly version?: number | undefined;
  readonly waitFor?: number | undefined;
  readonly at?: string | undefined;
  readonly clock: Clock;
  readonly generation?: number | undefined;
}

/**
 * Answers with a view that many streams feed: its newest state, or a past state, folded from the whole history.
 * @throws NotFoundError when there is no such view
 * @throws ValidationError when the query has a version or `waitFor`: shared views have no versions
 */
export async function readSharedView(
  projection: AnySharedProjection,
  key: string,
  query: SharedQuery,
  sources: SharedViewSources,
  signal?: AbortSignal,
) {
  const { version, waitFor, at } = query;
  const refused = version !== undefined ? 'version' : waitFor !== undefined ? 'waitFor' : undefined;
  if (refused) {
    const message = `is not possible for ${projection.name}: many streams feed its views, so they have no version; wait for the view of a single stream`;
    throw new ValidationError([{ path: refused, message }]);
  }
  const counters = await countersOf(projection, key, query, sources, signal);
  const view = counters && treeOf(counters, projection);
  if (!view) throw new NotFoundError(`there is no view ${key} of ${projection.name}${at === undefined ? '' : ' then'}`);
  return { status: 200, body: view } as const;
}

async function countersOf(
  projection: AnySharedProjection,
  key: string,
  { at, clock, generation }: SharedQuery,
  { sharedViews, generations, past }: SharedViewSources,
  signal: AbortSignal | undefined,
): Promise<CounterValues | undefined> {
  const { name, shards, recorded } = projection;
  const until = at === undefined ? undefined : new Date(at);
  if (clock === 'recorded' && recorded?.rangeOf(key)) return past.recorded(projection, key, until, signal);
  if (until) return (await past.counters(projection, { at: until, clock }, signal)).get(key);
  return sharedViews.read({ projection: name, generation: generation ?? (await generations.live(name)) }, key, shards);
}

/** The views of a ranked projection, highest first. @throws ValidationError when it is not ranked */
export async function readRanking(
  projection: AnySharedProjection,
  limit: number,
  { sharedViews, generations }: SharedViewSources,
) {
  const { name, rank } = projection;
  if (rank === undefined) throw new ValidationError([{ path: 'name', message: `${name} is not ranked` }]);
  const place = { projection: name, generation: await generations.live(name) };
  const top = await sharedViews.top(place, rank, limit);
  return {
    status: 200,
    body: { views: top.map(({ key, counters }) => ({ ...treeOf(counters, projection), key })) },
  } as const;
}
