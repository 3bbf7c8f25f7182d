import * as z from 'zod';
import { turn } from '../../core/base/turns.ts';
import { id } from '../../core/events/envelope.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import type { PageOptions, ViewStore } from '../../core/projections/view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';
import { cursor, encodeCursor } from '../http/page.ts';
import { requestSize, takePage } from './take-page.ts';

/** The stores that lists need. */
export interface ListDeps {
  readonly views: ViewStore;
  readonly generations: LiveGenerations;
}

/** A view in a list, with its place. */
export interface ListedView<View> {
  /** The group of the view. */
  readonly group: string;
  readonly key: string;
  readonly view: View & { readonly version: number };
}

/** The start of a list, and the views of one request. */
export interface ListStart {
  /** The group to list; all groups, in their order, when absent. */
  readonly group: string | undefined;
  readonly pageSize: number;
  readonly withoutAside?: PageOptions['withoutAside'];
  readonly from: { readonly group: string; readonly after: string } | undefined;
}

/** The views of a projection, group by group, each group in the order of its keys; fetched on demand. */
export async function* viewsByGroup<View extends object>(
  { name, group: { values } }: ProjectionOf<View>,
  { views, generations }: ListDeps,
  { group: wantedGroup, pageSize, from, withoutAside }: ListStart,
): AsyncGenerator<ListedView<View>> {
  const generation = await generations.live(name);
  const groups = wantedGroup === undefined ? values : [wantedGroup];
  for (const group of groups.slice(Math.max(0, groups.indexOf(from?.group ?? '')))) {
    let after = group === from?.group ? from.after : undefined;
    do {
      await turn();
      const page = await views.list(name, generation, group, { limit: pageSize, after, withoutAside });
      for (const { key, version, view } of page.views) {
        yield { group, key, view: { ...(view as View), version } };
        await turn();
      }
      after = page.next;
    } while (after !== undefined);
  }
}

/** The cursor of a filtered list: the filters, and the last view read. */
export const listCursor = (groups: readonly string[]) =>
  cursor(z.object({ filters: z.record(z.string(), z.string()), group: z.enum(groups as [string]), after: id }));

type Filters = Readonly<Record<string, string | undefined>>;

interface ListQuery {
  readonly limit: number;
  readonly cursor?: { readonly filters: Filters; readonly group: string; readonly after: string } | undefined;
  /** `state` names the group; every other filter is one of `matches`. */
  readonly filters: Filters;
}

/** A page of the views that pass every filter. It may have fewer views than its limit and still a `next`. */
export async function listViews<View extends object>(
  projection: ProjectionOf<View>,
  deps: ListDeps,
  query: ListQuery,
  matches: Readonly<Record<string, (view: View, value: string) => boolean>> = {},
): Promise<{ views: (View & { readonly version: number })[]; next: string | null }> {
  const { limit, cursor: from } = query;
  const filters = from?.filters ?? query.filters;
  const wanted = Object.entries(matches).filter(([name]) => filters[name] !== undefined);
  const pageSize = requestSize(limit, wanted.length > 0);
  const listed = viewsByGroup(projection, deps, { group: filters['state'], pageSize, from });
  const passes = (view: View) => wanted.every(([name, matching]) => matching(view, filters[name] ?? ''));
  const { views, last } = await takePage(listed, limit, passes);
  return { views, next: last ? encodeCursor({ filters, group: last.group, after: last.key }) : null };
}
