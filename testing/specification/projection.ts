import type { DomainEvent, EventType } from '../../core/events/catalogue.ts';
import { type AnyProjection, evolveView, type Projection } from '../../core/projections/projection.ts';
import {
  type AnySharedProjection,
  type Counters,
  shownCounts,
  Tally,
  treeOf,
} from '../../core/projections/shared-projection.ts';
import { assertSame, fail } from './assertions.ts';

/** A projection with the history of the stream of one view. */
export class GivenView<View extends object> {
  readonly #projection: Projection<View>;
  readonly #view: View | undefined;

  constructor(projection: Projection<View>, history: readonly DomainEvent[]) {
    this.#projection = projection;
    this.#view = history.reduce<View | undefined>((view, event) => evolveView(projection, view, event), undefined);
  }

  /**
   * The view after the history; `undefined` when no event of the projection came. Its group has to be a group of the
   * projection, and every part of it JSON.
   * @throws AssertionError
   */
  thenView(expected: View | undefined): void {
    assertSame('the view differs', this.#view, expected, this.thenView);
    if (this.#view === undefined) return;
    const { group } = this.#projection;
    const found = group.of(this.#view);
    if (!group.values.includes(found)) fail(`${found} is no group of the projection`, this.thenView);
    assertSame('the view is not JSON', this.#view, JSON.parse(JSON.stringify(this.#view)), this.thenView);
  }
}

/** A shared projection with the histories of the streams that feed it. */
export class GivenSharedViews {
  readonly #views: ReadonlyMap<string, Counters | undefined>;

  constructor(projection: AnySharedProjection, streams: readonly (readonly DomainEvent[])[]) {
    const tally = new Tally();
    for (const history of streams) count(projection, history, tally);
    const counters = [...shownCounts(tally.increments())];
    this.#views = new Map(counters.map(([key, own]) => [key, treeOf(own, projection)]));
  }

  /** The counters of a view, as readers get them, without zeros; `undefined` when all are 0. @throws AssertionError */
  thenView(key: string, expected: Counters | undefined): void {
    assertSame(`the view ${key} differs`, plain(this.#views.get(key)), expected, this.thenView);
  }

  /** All views of the projection, by key. @throws AssertionError */
  thenViews(expected: Readonly<Record<string, Counters>>): void {
    const views = Object.fromEntries([...this.#views].map(([key, view]) => [key, plain(view)]));
    assertSame('the views differ', views, expected, this.thenViews);
  }
}

function count<Type extends EventType>(
  projection: AnySharedProjection,
  history: readonly DomainEvent<Type>[],
  tally: Tally,
): void {
  let own: object | undefined;
  for (const event of history as readonly DomainEvent[]) {
    if (!projection.types.includes(event.type)) continue;
    const next = evolveView<object>(projection, own, event);
    tally.add(projection.count(event, own, next));
    own = next;
  }
}

const plain = (view: Counters | undefined): Counters | undefined => view && JSON.parse(JSON.stringify(view));

/** Whether a part is a projection of any kind. */
export const isProjection = (part: object): part is AnyProjection => 'types' in part && 'evolve' in part;
