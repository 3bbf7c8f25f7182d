import * as z from 'zod';
import { turn } from '../../core/base/turns.ts';
import { isListName, listPlace } from '../../core/projections/entries.ts';
import type { ProjectionOf } from '../../core/projections/projection.ts';
import { cursor, encodeCursor } from '../http/page.ts';
import type { ListDeps } from './lists.ts';
import { requestSize, takePage } from './take-page.ts';

/** The cursor of a list of entries: the list, and the last place read. */
export const entryCursor = cursor(z.object({ list: z.string().refine(isListName), after: z.string().max(300) }));

/** A request for a page of a list of entries. */
export interface EntryQuery<View> {
  /** The name of the list; a cursor replaces it. */
  readonly list: string;
  readonly limit: number;
  readonly cursor?: z.output<typeof entryCursor>;
  /** An order to begin at; a cursor replaces it. */
  readonly from?: string;
  /** Leaves out other views. */
  readonly passes?: (view: View & { readonly version: number }) => boolean;
}

/** A page of the views that stand in a list, in its order. It may have fewer views than its limit and still a `next`. */
export async function listEntries<View extends object>(
  projection: ProjectionOf<View>,
  deps: ListDeps,
  { list, limit, cursor: place, from, passes }: EntryQuery<View>,
): Promise<{ views: (View & { readonly version: number })[]; next: string | null }> {
  const start = place ?? { list, after: from };
  const pageSize = requestSize(limit, passes !== undefined);
  const { views, last } = await takePage(viewsInList(projection, deps, { ...start, pageSize }), limit, passes);
  const next = last && encodeCursor({ list: start.list, after: listPlace(last.order, last.key) });
  return { views, next: next ?? null };
}

/** A view in a list, with its place. */
interface EnteredView<View> {
  readonly order: string;
  readonly key: string;
  readonly view: View & { readonly version: number };
}

/** The views that stand in a list, in its order; fetched on demand. */
async function* viewsInList<View extends object>(
  { name }: ProjectionOf<View>,
  { views, generations }: ListDeps,
  start: { readonly list: string; readonly pageSize: number; readonly after: string | undefined },
): AsyncGenerator<EnteredView<View>> {
  const generation = await generations.live(name);
  let { after } = start;
  do {
    await turn();
    const page = await views.listed(name, generation, start.list, { limit: start.pageSize, after });
    for (const { order, view: stored } of page.listed) {
      yield { order, key: stored.key, view: { ...(stored.view as View), version: stored.version } };
      await turn();
    }
    after = page.next;
  } while (after !== undefined);
}
