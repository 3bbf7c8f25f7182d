import { isDeepStrictEqual } from 'node:util';
import { parseStreamId } from '../../core/base/stream-id.ts';
import {
  type AnyProjection,
  aggregateTypesOf,
  entriesOf,
  isShared,
  keyIn,
  type ProjectionOf,
} from '../../core/projections/projection.ts';
import { LIVE_GENERATION } from '../../core/projections/projector.ts';
import { SharedFold } from '../../core/projections/shared-fold.ts';
import { type AnySharedProjection, shownCounts } from '../../core/projections/shared-projection.ts';
import type { SharedViewStore } from '../../core/projections/shared-view-store.ts';
import { viewFold } from '../../core/projections/view-fold.ts';
import type { ViewStore } from '../../core/projections/view-store.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import type { EventStore } from '../../core/store/event-store.ts';

/** The stores after all deliveries. */
export interface DeliveredViews {
  readonly projections: readonly AnyProjection[];
  readonly store: EventStore;
  /** Every stream that has events. */
  readonly streams: readonly string[];
  readonly views: ViewStore;
  readonly sharedViews: SharedViewStore;
}

/**
 * Holds every view against the fold of the stored events: each stream was taken to its end, no stream waits as a dead
 * letter, and the sums of shared views are those of all streams.
 * @throws Error that names the difference
 */
export async function checkViews(delivered: DeliveredViews): Promise<void> {
  const { projections, store, streams } = delivered;
  for (const projection of projections) {
    const homes = aggregateTypesOf(projection, store.catalogue);
    const fed = streams.filter((stream) => homes.includes(parseStreamId(stream).aggregateType));
    for (const stream of fed) await checkCheckpoint(projection, stream, delivered);
    if (isShared(projection)) await checkSums(projection, fed, delivered);
    else for (const stream of fed) await checkView(projection, stream, delivered);
  }
}

async function checkCheckpoint(projection: AnyProjection, stream: string, { store, views }: DeliveredViews) {
  const stored = await views.get(projection.name, LIVE_GENERATION, keyIn(projection, stream));
  if (stored?.parked) {
    const { eventType, version, error } = stored.parked;
    throw new Error(`projection ${projection.name} cannot take event ${version} of ${stream}, ${eventType}: ${error}`);
  }
  same(`the last event of ${stream} in ${projection.name}`, stored?.version, await store.head(stream));
}

async function checkView(
  projection: ProjectionOf<object>,
  stream: string,
  { store, views }: DeliveredViews,
): Promise<void> {
  const stored = await views.get(projection.name, LIVE_GENERATION, keyIn(projection, stream));
  const { state } = await new StateReader({ store }).load(viewFold(projection), stream);
  same(`the view of ${stream} in ${projection.name}`, stored?.view, state);
  same(`the entries of ${stream} in ${projection.name}`, stored?.entries ?? [], entriesOf(projection, state));
  if (stored?.view === undefined || projection.group.values.includes(stored.group)) return;
  throw new Error(`the view of ${stream} in ${projection.name} is in group ${stored.group}, which is not declared`);
}

async function checkSums(projection: AnySharedProjection, streams: readonly string[], delivered: DeliveredViews) {
  const { store, sharedViews } = delivered;
  const fold = new SharedFold(projection, store.catalogue);
  for (const stream of streams) for await (const commit of store.commits(stream)) fold.take(commit);
  const expected = shownCounts(fold.increments());
  const place = { projection: projection.name, generation: LIVE_GENERATION };
  const keys = new Set([...expected.keys(), ...(await Array.fromAsync(sharedViews.keys(place)))]);
  for (const key of keys) {
    const counters = (await sharedViews.read(place, key, projection.shards)) ?? new Map<string, number>();
    const sums = Object.fromEntries([...counters].filter(([, value]) => value !== 0));
    same(`the shared view ${key} of ${projection.name}`, sums, Object.fromEntries(expected.get(key) ?? []));
  }
}

/** Compares two values, whose members have no order. @throws Error that shows both */
export function same(name: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${name} is ${JSON.stringify(actual)}, it should be ${JSON.stringify(expected)}`);
}
