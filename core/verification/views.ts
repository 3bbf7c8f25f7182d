import { AnnalsError, CorruptDataError, UnavailableError } from '../base/errors.ts';
import { Checkpoints } from '../projections/checkpoints.ts';
import { CounterNames } from '../projections/counter-names.ts';
import { entriesWithout } from '../projections/entries.ts';
import {
  type AnyProjection,
  entriesOf,
  groupOf,
  isShared,
  keyIn,
  type Projection,
  type StoredView,
} from '../projections/projection.ts';
import { type AnySharedProjection, type Increments, treeOf } from '../projections/shared-projection.ts';
import type { CounterValues, SharedViewStore } from '../projections/shared-view-store.ts';
import { hashOf } from '../projections/view-hash.ts';
import type { ViewStore } from '../projections/view-store.ts';
import type { EventStore } from '../store/event-store.ts';
import { CounterSums } from './counter-sums.ts';
import type { Difference, DifferenceKind } from './difference.ts';

/** The stores that a comparison of views reads. */
export interface ViewPlaces {
  readonly store: EventStore;
  readonly views: ViewStore;
  readonly sharedViews: SharedViewStore;
}

/** The differences of a stream's view, and the increments of the stream for shared views. */
export interface ComparedView {
  readonly differences: readonly Difference[];
  readonly increments: Increments;
}

/** The progress through each list of views, by projection and group. */
export type ListedViews = Record<string, { readonly done: boolean; readonly after?: string }>;

const NOTHING: Increments = new Map();
const PAGE = 100;

/** Compares each view with the fold of its stream up to the view's version. It changes no data. */
export class ViewComparison {
  readonly #places: ViewPlaces;
  readonly #checkpoints: Checkpoints;
  readonly #names: CounterNames;
  readonly #lateBefore: number;

  /** @param lateBefore events recorded before this instant must be in every view, milliseconds */
  constructor(places: ViewPlaces, lateBefore: number) {
    this.#places = places;
    this.#checkpoints = new Checkpoints(places);
    this.#names = new CounterNames(places.views);
    this.#lateBefore = lateBefore;
  }

  /** Compares the view of a stream. Unreadable data is a difference. @throws UnavailableError */
  async compare(projection: AnyProjection, generation: number, stream: string): Promise<ComparedView> {
    const key = keyIn(projection, stream);
    const difference = (kind: DifferenceKind, detail: string): Difference => ({
      ...{ part: 'views', place: `${projection.name}/${key}` },
      ...{ kind, detail },
    });
    try {
      const stored = await this.#places.views.get(projection.name, generation, key);
      const version = stored?.version ?? 0;
      const made = await this.#checkpoints.foldTo({ projection, generation, stream }, version);
      if (made.failure) throw made.failure.error;
      const differences: Difference[] = [];
      if (made.version < version) {
        differences.push(difference('ahead', `is at version ${version}, its stream at ${made.version}`));
      } else if (hashOf(stored?.view) !== hashOf(made.view)) {
        const [is, should] = [hashOf(stored?.view), hashOf(made.view)];
        differences.push(difference('differs', `at version ${version} it is ${is}; the fold is ${should}`));
      } else if (stored && stored.group !== groupOf(projection, made.view)) {
        const [is, should] = [stored.group, groupOf(projection, made.view)];
        differences.push(difference('differs', `it is listed under "${is}", history lists it under "${should}"`));
      }
      const misplaced = differences.length === 0 && stored && misplacedIn(projection, stored, made.view);
      if (misplaced) differences.push(difference('differs', misplaced));
      const late = stored?.parked ? undefined : await this.#lateAfter(stream, version);
      if (late) differences.push(difference('behind', `is at version ${version} and lacks an event recorded ${late}`));
      return { differences, increments: made.increments };
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      const detail = error instanceof AnnalsError ? error.message : `its history cannot be folded: ${error}`;
      return { differences: [difference('unreadable', detail)], increments: NOTHING };
    }
  }

  /** When the first event after a version was recorded, if it is late; otherwise undefined. */
  async #lateAfter(stream: string, version: number): Promise<string | undefined> {
    const next = { from: version + 1, to: version + 1, limit: 1 };
    const [missing] = await Array.fromAsync(this.#places.store.commits(stream, next));
    return missing && Date.parse(missing.recordedAt) < this.#lateBefore ? missing.recordedAt : undefined;
  }

  /**
   * The views of a projection without a stream, page by page.
   * @param listed the progress; each page updates it, so that another run can continue
   */
  async *orphans(
    projection: AnyProjection,
    generation: number,
    listed: ListedViews,
  ): AsyncGenerator<readonly Difference[]> {
    if (isShared(projection)) return;
    const { name, group } = projection;
    for (const value of group.values) {
      const list = `${name}/${value}`;
      while (!listed[list]?.done) {
        const found = await this.#orphansOn(projection, generation, value, listed[list]?.after);
        listed[list] = found.next === undefined ? { done: true } : { done: false, after: found.next };
        yield found.differences;
      }
    }
  }

  /** An unreadable page ends the list. */
  async #orphansOn(projection: Projection, generation: number, group: string, after: string | undefined) {
    try {
      const { views, next } = await this.#places.views.list(projection.name, generation, group, { limit: PAGE, after });
      return { differences: await this.#withoutStream(projection, views), next };
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      const place = `${projection.name}/*`;
      const differences: Difference[] = [{ part: 'views', place, kind: 'unreadable', detail: error.message }];
      return { differences, next: undefined };
    }
  }

  async #withoutStream(
    { name, aggregateType }: Projection,
    views: readonly Pick<StoredView, 'key'>[],
  ): Promise<Difference[]> {
    const heads = await Promise.all(views.map(({ key }) => this.#places.store.head(`${aggregateType}-${key}`)));
    return views
      .filter((_, index) => heads[index] === 0)
      .map(({ key }) => ({ part: 'views', place: `${name}/${key}`, kind: 'orphan', detail: 'has no stream' }));
  }

  /**
   * The increments of a stream under the counter names of the first read. @throws UnavailableError @throws
   * CorruptDataError
   */
  bound(projection: AnySharedProjection, made: Increments): Promise<Increments> {
    return this.#names.bound(projection, made, { fresh: false });
  }

  /**
   * The sums of all views of a shared projection, or the error when they cannot be read.
   * @param exact the shares whose counters are kept exactly
   * @throws UnavailableError
   */
  async sums(
    { name, shards }: AnySharedProjection,
    generation: number,
    exact: Iterable<number>,
  ): Promise<CounterSums | CorruptDataError> {
    const place = { projection: name, generation };
    const sums = new CounterSums(exact);
    try {
      for await (const key of this.#places.sharedViews.keys(place)) {
        const counters = (await this.#places.sharedViews.read(place, key, shards)) ?? new Map<string, number>();
        sums.add(new Map([[key, new Map([...counters].map(([path, value]) => [path, BigInt(value)]))]]));
      }
      return sums;
    } catch (error) {
      if (error instanceof CorruptDataError) return error;
      throw error;
    }
  }
}

/** The first list in which a view stands wrongly; undefined when its entries are those of its history. */
function misplacedIn(projection: AnyProjection, { entries: is = [] }: StoredView, made: unknown): string | undefined {
  const should = entriesOf(projection, made);
  const [missing] = entriesWithout(should, is);
  const [extra] = entriesWithout(is, should);
  if (missing) return `it is not in list "${missing.list}" at "${missing.order}"; rebuild the projection`;
  return extra && `it is in list "${extra.list}" at "${extra.order}", where history does not put it`;
}

/** The shared views that differ from the sums of their streams. */
export function differingSums(
  { name }: AnySharedProjection,
  stored: ReadonlyMap<string, CounterValues>,
  made: ReadonlyMap<string, CounterValues>,
): Difference[] {
  return [...new Set([...stored.keys(), ...made.keys()])].flatMap((key) => {
    const [is, should] = [treeOf(stored.get(key) ?? new Map()), treeOf(made.get(key) ?? new Map())];
    if (hashOf(is) === hashOf(should)) return [];
    const detail = `it is ${hashOf(is)}; the sum of its streams is ${hashOf(should)}`;
    return [{ part: 'views', place: `${name}/${key}`, kind: 'differs', detail }];
  });
}
