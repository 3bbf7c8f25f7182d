import * as z from 'zod';
import { turn } from '../../core/base/turns.ts';
import { id } from '../../core/events/envelope.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import type { PageOptions, ViewStore } from '../../core/projections/view-store.ts';
import type { LiveGenerations } from '../../core/replays/generations.ts';
import { cursor, encodeCursor, MAX_PAGE_BYTES } from '../http/page.ts';

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

/** Most views that one page reads: with a rare filter it answers in time, with few views or none and a cursor. */
const MAX_SCANNED = 1_000;
/** Longest time that one page is read for, milliseconds: views of megabytes take long. */
const MAX_PAGE_MS = 2_000;
/** Views of one request when a filter may skip most of them. */
const SCAN_SIZE = 100;

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

/**
 * A page of the views that pass every filter. A page reads {@link MAX_SCANNED} views at most, for {@link MAX_PAGE_MS} at
 * most, so it may have fewer views than its limit and still a `next`.
 */
export async function listViews<View extends object>(
  projection: ProjectionOf<View>,
  deps: ListDeps,
  query: ListQuery,
  matches: Readonly<Record<string, (view: View, value: string) => boolean>> = {},
): Promise<{ views: (View & { readonly version: number })[]; next: string | null }> {
  const { limit, cursor: from } = query;
  const filters = from?.filters ?? query.filters;
  const wanted = Object.entries(matches).filter(([name]) => filters[name] !== undefined);
  const size = limit + 1; // a further view shows that a page follows
  const pageSize = wanted.length > 0 ? Math.max(size, SCAN_SIZE) : size;
  const views: (View & { readonly version: number })[] = [];
  let bytes = 0;
  let scanned = 0;
  const deadline = performance.now() + MAX_PAGE_MS;
  let last: { readonly group: string; readonly key: string } | undefined;
  const page = (more: boolean) => ({
    views,
    next: more && last ? encodeCursor({ filters, group: last.group, after: last.key }) : null,
  });
  for await (const listed of viewsByGroup(projection, deps, { group: filters['state'], pageSize, from })) {
    const isLate = scanned > 0 && performance.now() > deadline;
    if (views.length === limit || scanned === MAX_SCANNED || isLate) return page(true);
    if (wanted.every(([name, passes]) => passes(listed.view, filters[name] ?? ''))) {
      bytes += Buffer.byteLength(JSON.stringify(listed.view));
      if (views.length > 0 && bytes > MAX_PAGE_BYTES) return page(true);
      views.push(listed.view);
    }
    scanned += 1;
    last = listed;
  }
  return page(false);
}
