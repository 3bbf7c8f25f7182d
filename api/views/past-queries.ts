import * as z from 'zod';
import { NotFoundError } from '../../core/base/errors.ts';
import { id } from '../../core/events/envelope.ts';
import { instant } from '../../core/events/instant.ts';
import { jsonObject } from '../../core/events/json.ts';
import type { PastFolds } from '../../core/projections/past-folds.ts';
import type { PastView } from '../../core/projections/point-in-time.ts';
import { type AnyProjection, isShared, projectionNamed } from '../../core/projections/projection.ts';
import { cursor, encodeCursor, limit, nextPage, takePage } from '../http/page.ts';
import { route } from '../http/route.ts';
import { viewClock } from './read-view.ts';

/** The parts that the routes of the past need. */
export interface PastDeps {
  readonly past: PastFolds;
  readonly projections: readonly AnyProjection[];
}

const pastProjection = z.strictObject({
  projection: z.string(),
  at: z.iso.datetime(),
  views: z.array(z.strictObject({ key: id, version: z.int().positive(), view: jsonObject })),
  next: nextPage,
});

/** The route that reads all views of a projection at an instant. */
export const pastQueries = [
  route({
    name: 'getProjectionAt',
    method: 'GET',
    path: '/projections/{name}',
    summary: 'All views of a projection at an instant',
    description:
      'Folds the log, once for all pages; that takes seconds for every 100,000 events. By `recorded` it reads the log up to the instant, by `happened` to its end. After 20 s the answer is 503 with Retry-After, and the fold continues. The live views do not change.',
    params: z.object({ name: id }),
    query: z.object({
      at: instant.describe('Events at or before this instant count'),
      clock: viewClock,
      limit,
      cursor: cursor(z.object({ after: id })),
    }),
    answer: pastProjection,
    statuses: { 200: 'A page of views, in the order of their keys' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA', 'PAYLOAD_TOO_LARGE'],
    async handle({ params: { name }, query, signal }, { past, projections }: PastDeps) {
      const projection = projectionNamed(name, projections);
      if (isShared(projection)) {
        throw new NotFoundError(
          `views of ${name} are sums over many streams; to see them at an instant, replay up to it: POST /replays`,
        );
      }
      const at = new Date(query.at);
      const all = await past.views(projection, { at, clock: query.clock }, signal);
      const after = query.cursor?.after ?? '';
      const { items, more } = await takePage(from(all, after), query.limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ after: last.key }) : null;
      return { status: 200, body: { projection: name, at: at.toISOString(), views: items, next } };
    },
  }),
];

/** The views after a key, found by bisection. */
function* from(views: readonly PastView[], after: string): Generator<PastView> {
  let [low, high] = [0, views.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((views[middle]?.key ?? '') > after) high = middle;
    else low = middle + 1;
  }
  for (let index = low; index < views.length; index += 1) yield views[index] as PastView;
}
