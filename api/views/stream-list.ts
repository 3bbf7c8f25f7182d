import * as z from 'zod';
import { ValidationError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { StreamVersion } from '../../core/base/versions.ts';
import { type AnyProjection, isShared, type ProjectionOf } from '../../core/projections/projection.ts';
import { cursor, encodeCursor, limit, nextPage } from '../http/page.ts';
import { route } from '../http/route.ts';
import { type ListDeps, viewsByGroup } from './lists.ts';

/** The parts that the list of streams needs. */
export interface StreamListDeps extends ListDeps {
  readonly projections: readonly AnyProjection[];
}

interface ListedStream {
  readonly streamId: string;
  readonly version: StreamVersion;
}

const PREFIX = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,160}$/;
/** Sorts after every character that an id may have. */
const LAST = '\u007f';

/** For each aggregate type, a projection of its streams: the checkpoints of the projection list the streams. */
function homes(projections: readonly AnyProjection[]): Map<string, ProjectionOf<object>> {
  const homes = new Map<string, ProjectionOf<object>>();
  for (const projection of projections) {
    if (!isShared(projection) && !homes.has(projection.aggregateType)) homes.set(projection.aggregateType, projection);
  }
  return new Map([...homes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The greatest text before all texts with `prefix`: a read after it finds them all. */
const before = (prefix: string): string =>
  prefix === '' ? '' : `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) - 1)}${LAST}`;

/** The streams of one aggregate type in the order of their ids, over all groups of views. */
async function* streamsOfType(
  projection: ProjectionOf<object>,
  deps: ListDeps,
  { prefix, after, pageSize }: { prefix: string; after: string; pageSize: number },
): AsyncGenerator<ListedStream> {
  const groups = projection.group.values.map((group) =>
    viewsByGroup(projection, deps, { group, pageSize, from: { group, after }, withoutAside: true }),
  );
  const heads = await Promise.all(groups.map(async (views) => ({ views, next: await views.next() })));
  for (;;) {
    const open = heads.filter(({ next }) => !next.done && next.value.key.startsWith(prefix));
    const [first] = open.toSorted((a, b) => (a.next.value?.key < b.next.value?.key ? -1 : 1));
    if (!first || first.next.done) return;
    const { key, view } = first.next.value;
    yield { streamId: streamId(projection.aggregateType, key), version: view.version };
    // A stream may be in two groups when its view changes the group meanwhile.
    for (const head of open) if (head.next.value?.key === key) head.next = await head.views.next();
  }
}

async function* streams(prefix: string, after: string | undefined, pageSize: number, deps: StreamListDeps) {
  const [type = '', ...id] = prefix.split('-');
  const exact = prefix.includes('-');
  const [typeAfter = '', ...idAfter] = (after ?? '').split('-');
  for (const [aggregateType, projection] of homes(deps.projections)) {
    if (exact ? aggregateType !== type : !aggregateType.startsWith(prefix)) continue;
    if (aggregateType < typeAfter) continue;
    const ids = { prefix: id.join('-'), pageSize };
    const start = aggregateType === typeAfter ? idAfter.join('-') : before(ids.prefix);
    yield* streamsOfType(projection, deps, { ...ids, after: start });
  }
}

const stream = z.strictObject({
  streamId: z.string(),
  version: z.int().nonnegative().describe('Sequence number of the last event that the view of the stream has'),
});

/** The route that lists streams. */
export const streamList = [
  route({
    name: 'listStreams',
    method: 'GET',
    path: '/streams',
    summary: 'List streams by the start of their id, in the order of their ids',
    description:
      'Lists the streams of every aggregate type with views, such as agent, task, workflow and saga. The list may be a moment behind.',
    query: z.object({
      prefix: z
        .string()
        .regex(PREFIX, 'must be the start of a stream id, such as agent or agent-4')
        .optional()
        .describe('The start of the id: `agent`, `agent-4`; every stream when absent'),
      limit,
      cursor: cursor(z.object({ prefix: z.string(), after: z.string() })),
    }),
    answer: z.strictObject({
      streams: z.array(stream),
      next: nextPage,
    }),
    statuses: { 200: 'A page of streams' },
    async handle({ query: { limit, ...query } }, deps: StreamListDeps) {
      const { prefix = '', after } = query.cursor ?? { prefix: query.prefix, after: undefined };
      assertListed(prefix, deps);
      const page: ListedStream[] = [];
      for await (const listed of streams(prefix, after, limit, deps)) {
        const last = page.at(-1);
        if (page.length === limit && last) {
          return { status: 200, body: { streams: page, next: encodeCursor({ prefix, after: last.streamId }) } };
        }
        page.push(listed);
      }
      return { status: 200, body: { streams: page, next: null } };
    },
  }),
];

function assertListed(prefix: string, { projections }: StreamListDeps): void {
  const types = [...homes(projections).keys()];
  const [type = ''] = prefix.split('-');
  if (prefix.includes('-') ? types.includes(type) : types.some((known) => known.startsWith(prefix))) return;
  const message = `does not start with a listed aggregate type; those are ${types.join(', ')}`;
  throw new ValidationError([{ path: 'prefix', message }]);
}
