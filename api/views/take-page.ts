import { MAX_PAGE_BYTES } from '../http/page.ts';

/** Most views that one page reads: with a rare filter it answers in time, with few views or none and a cursor. */
const MAX_SCANNED = 1_000;
/** Longest time that one page is read for, milliseconds: views of megabytes take long. */
const MAX_PAGE_MS = 2_000;
/** Views of one request when a filter may skip most of them. */
const SCAN_SIZE = 100;

/** The views of one request for a page of `limit` views: a further view shows that a page follows. */
export const requestSize = (limit: number, isFiltered: boolean): number =>
  isFiltered ? Math.max(limit + 1, SCAN_SIZE) : limit + 1;

/** The views of a page, and the last one read when a page follows. */
export interface TakenPage<Listed extends { readonly view: object }> {
  readonly views: Listed['view'][];
  readonly last?: Listed;
}

/**
 * Takes a page of the views that pass. It reads {@link MAX_SCANNED} views at most, for {@link MAX_PAGE_MS} at most, and
 * takes {@link MAX_PAGE_BYTES} at most, so it may have fewer views than its limit although a page follows.
 */
export async function takePage<Listed extends { readonly view: object }>(
  listed: AsyncIterable<Listed>,
  limit: number,
  passes: (view: Listed['view']) => boolean = () => true,
): Promise<TakenPage<Listed>> {
  const views: Listed['view'][] = [];
  let bytes = 0;
  let scanned = 0;
  const deadline = performance.now() + MAX_PAGE_MS;
  let last: Listed | undefined;
  const page = (more: boolean) => (more && last ? { views, last } : { views });
  for await (const next of listed) {
    const isLate = scanned > 0 && performance.now() > deadline;
    if (views.length === limit || scanned === MAX_SCANNED || isLate) return page(true);
    if (passes(next.view)) {
      bytes += Buffer.byteLength(JSON.stringify(next.view));
      if (views.length > 0 && bytes > MAX_PAGE_BYTES) return page(true);
      views.push(next.view);
    }
    scanned += 1;
    last = next;
  }
  return page(false);
}
