import * as z from 'zod';
import type { AnyAggregate } from '../../../application/aggregate.ts';
import type { Annals } from '../../../application/define-annals.ts';
import { NotFoundError } from '../../../core/base/errors.ts';
import { parseStreamId, streamId } from '../../../core/base/stream-id.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { id } from '../../../core/events/envelope.ts';
import { json } from '../../../core/events/json.ts';
import { historyOf, partingOf, type Stretch } from '../../../core/state/lineage.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import { pascalCase } from '../../http/names.ts';
import { cursor, encodeCursor, limit, nextPage, takePage } from '../../http/page.ts';
import { type Route, route } from '../../http/route.ts';
import { changesBetween } from './changes.ts';
import { comparisonOf, type Row, rowKinds } from './comparison.ts';
import { type Deeds, deedsOf } from './deed.ts';
import { MAX_EVENTS } from './run.ts';
import { Side } from './sides.ts';

const count = z.int().nonnegative();
const part = z.strictObject({
  in: z.enum(['both', 'left', 'right']),
  text: z.string().describe('The text; of a long part its start and its end'),
  omitted: count.exactOptional().describe('Characters left out between the two'),
});

const change = z.strictObject({
  member: z.string(),
  text: z.array(part).exactOptional().describe('The parts of two texts'),
  left: json.exactOptional().describe('The value of this agent, when it is no text'),
  right: json.exactOptional(),
});

const totals = z.strictObject({
  steps: count,
  durationMs: z.number(),
  usage: z.record(z.string(), z.number()),
});

/** A page goes on with the runs of the first page, also when the agents have made more steps since. */
const diffCursor = cursor(
  z.object({ after: z.int().positive(), full: z.boolean(), ends: z.tuple([z.int(), z.int()]) }),
);

/** The answer of a comparison of streams of that type. */
function answerOf(type: string, event: z.ZodType<DomainEvent>): z.ZodType<object> {
  const place = z.strictObject({ [`${type}Id`]: id, version: z.int().positive() });
  const side = place
    .extend({
      durationMs: z.number().exactOptional(),
      usage: z.record(z.string(), z.number()).exactOptional(),
      event: event.exactOptional().describe('Of added and removed events, and with `full=true` of every event'),
    })
    .nullable();
  const step = z.strictObject({
    step: z.int().positive().describe('Counts from 1, over the events of both side by side'),
    kind: z.enum(rowKinds).describe(`\`added\`: only the other ${type} did it. \`removed\`: only this ${type} did it`),
    action: z.string().describe('The start of the action, else the type of the event'),
    left: side.describe(`The event of this ${type}`),
    right: side.describe(`The event of the other ${type}`),
    changes: z.array(change).exactOptional().describe('Of changed events'),
  });
  return z.strictObject({
    [`${type}Id`]: id,
    with: id,
    common: place.nullable().describe('The last shared event; null without a shared history'),
    equal: z
      .boolean()
      .describe('Whether both did the same. Ids, task, time, duration, usage and white space do not count'),
    aligned: z
      .boolean()
      .describe(
        'False when over 1,000 events of actions that both know are added or removed: then all but the common start and end is compared in order',
      ),
    counts: z.strictObject({ same: count, changed: count, added: count, removed: count }),
    totals: z.strictObject({ left: totals, right: totals }).describe('Sums over the compared steps'),
    first: z
      .strictObject({ step: z.int().positive(), left: place.nullable(), right: place.nullable() })
      .nullable()
      .describe('The first difference'),
    steps: z.array(step),
    next: nextPage,
  });
}

interface Place {
  readonly stream: string;
  readonly version: number;
}

interface DiffDeps {
  readonly store: EventStore;
}

/** The routes that compare two streams, of the aggregates that say how. */
export const diffQueries = ({
  aggregates,
  catalogue,
}: Pick<Annals, 'aggregates' | 'catalogue'>): readonly Route<DiffDeps>[] =>
  aggregates.flatMap((aggregate) =>
    aggregate.compare ? [diffRoute(aggregate, deedsOf(aggregate, catalogue), catalogue.recordedEvent())] : [],
  );

function diffRoute(
  { aggregateType: type, plural }: AnyAggregate,
  seen: Deeds,
  event: z.ZodType<DomainEvent>,
): Route<DiffDeps> {
  const idName = `${type}Id`;
  const placeOf = ({ stream, version }: Place) => ({ [idName]: parseStreamId(stream).aggregateId, version });
  return route({
    name: `diff${pascalCase(plural)}`,
    method: 'GET',
    path: `/${plural}/{${idName}}/diff`,
    summary: `Compare two ${plural}: the actions that they do not share, and the differences in those that they share`,
    description: `Compares the events after the last shared event, aligned by action; ${MAX_EVENTS} events of each at most. The answer has the steps that differ.`,
    params: z.object({ [idName]: id }),
    query: z.object({
      with: id.describe(`The other ${type}`),
      full: z.enum(['true', 'false']).default('false').describe('Whether to show equal steps, too, and every event'),
      limit,
      cursor: diffCursor,
    }),
    answer: answerOf(type, event),
    statuses: { 200: `A page of steps, the two ${plural} side by side` },
    errors: ['NOT_FOUND', 'CORRUPT_DATA', 'PAYLOAD_TOO_LARGE'],
    async handle({ params, query }, { store }: DiffDeps) {
      const ownId = id.parse(params[idName]);
      const { after = 0, ends, full } = query.cursor ?? { full: query.full === 'true' };
      const [left = [], right = []] = await Promise.all([
        stretchesOf(store, type, ownId, ends?.[0]),
        stretchesOf(store, type, query.with, ends?.[1]),
      ]);
      const parting = partingOf(left, right);
      const comparison = await comparisonOf(store, seen, parting.left, parting.right);
      const { rows, counts, aligned } = comparison;
      const { items, more } = await takePage(stepsOf(store, rows, { seen, idName, after, full }), query.limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ after: last.step, full, ends: [endOf(left), endOf(right)] }) : null;
      const differing = rows.findIndex(({ kind }) => kind !== 'same');
      const first = rows[differing];
      return {
        status: 200,
        body: {
          ...{ [idName]: ownId, with: query.with, common: parting.common ? placeOf(parting.common) : null },
          ...{ equal: first === undefined, aligned, counts },
          totals: { left: comparison.left, right: comparison.right },
          first: first
            ? {
                step: differing + 1,
                left: first.left ? placeOf(first.left) : null,
                right: first.right ? placeOf(first.right) : null,
              }
            : null,
          ...{ steps: items, next },
        },
      };
    },
  });
}

/** @param to leaves out later events of the stream, apart from its parents */
async function stretchesOf(
  store: EventStore,
  type: string,
  aggregateId: string,
  to = Number.POSITIVE_INFINITY,
): Promise<Stretch[]> {
  const history = await historyOf(store, streamId(type, aggregateId));
  const last = history.at(-1);
  if (!last) throw new NotFoundError(`${type} ${aggregateId} does not exist`);
  return [...history.slice(0, -1), { ...last, to: Math.min(last.to, to) }];
}

const endOf = (history: readonly Stretch[]): number => history.at(-1)?.to ?? 0;

/** How steps are shown. */
interface Showing {
  readonly seen: Deeds;
  readonly idName: string;
  readonly after: number;
  readonly full: boolean;
}

async function* stepsOf(store: EventStore, rows: readonly Row[], { seen, idName, after, full }: Showing) {
  const sides = { left: new Side(store), right: new Side(store) };
  for (let index = after; index < rows.length; index += 1) {
    const { kind, ...row } = rows[index] as Row;
    if (kind === 'same' && !full) continue;
    const [left, right] = await Promise.all([
      row.left && sides.left.event(row.left),
      row.right && sides.right.event(row.right),
    ]);
    const shown = left ?? right;
    const withEvent = full || kind === 'added' || kind === 'removed';
    const sideOf = (event: DomainEvent) => ({
      [idName]: event.aggregateId,
      version: event.sequenceNumber,
      ...seen.costOf(event),
      ...(withEvent ? { event } : {}),
    });
    yield {
      step: index + 1,
      kind,
      action: shown ? (seen.actionOf(shown).trim() || shown.type).slice(0, LABEL).toWellFormed() : '',
      left: left ? sideOf(left) : null,
      right: right ? sideOf(right) : null,
      ...(kind === 'changed' && left && right
        ? { changes: changesBetween(seen, left, right) as z.output<typeof change>[] }
        : {}),
    };
  }
}

/** Most characters of the start of an action. */
const LABEL = 200;
