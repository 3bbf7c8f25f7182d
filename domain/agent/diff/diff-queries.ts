import * as z from 'zod';
import { cursor, encodeCursor, limit, nextPage, takePage } from '../../../api/http/page.ts';
import { route } from '../../../api/http/route.ts';
import { NotFoundError } from '../../../core/base/errors.ts';
import { parseStreamId, streamId } from '../../../core/base/stream-id.ts';
import type { DomainEvent } from '../../../core/events/catalogue.ts';
import { id } from '../../../core/events/envelope.ts';
import { json } from '../../../core/events/json.ts';
import { historyOf, partingOf, type Stretch } from '../../../core/state/lineage.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import { recordedEventSchema } from '../../../events/catalogue.ts';
import { changesBetween } from './changes.ts';
import { comparisonOf, type Row, rowKinds } from './comparison.ts';
import { actionOf } from './deed.ts';
import { MAX_EVENTS } from './run.ts';
import { Side } from './sides.ts';

const count = z.int().nonnegative();
const place = z.strictObject({ agentId: id, version: z.int().positive() });

const side = place
  .extend({
    durationMs: z.number().exactOptional(),
    usage: z.record(z.string(), z.number()).exactOptional(),
    event: recordedEventSchema
      .exactOptional()
      .describe('Of added and removed events, and with `full=true` of every event'),
  })
  .nullable();

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

const step = z.strictObject({
  step: z.int().positive().describe('Counts from 1, over the events of both agents side by side'),
  kind: z.enum(rowKinds).describe('`added`: only the other agent did it. `removed`: only this agent did it'),
  action: z.string().describe('The start of the action, else the type of the event'),
  left: side.describe('The event of this agent'),
  right: side.describe('The event of the other agent'),
  changes: z.array(change).exactOptional().describe('Of changed events'),
});
type Step = z.output<typeof step>;

const totals = z.strictObject({
  steps: count,
  durationMs: z.number(),
  usage: z.record(z.string(), z.number()),
});

const diffAnswer = z.strictObject({
  agentId: id,
  with: id,
  common: place.nullable().describe('The last shared event; null without a shared history'),
  equal: z.boolean().describe('Whether both did the same. Agent, time, duration, usage and white space do not count'),
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

/** A page goes on with the runs of the first page, also when the agents have made more steps since. */
const diffCursor = cursor(
  z.object({ after: z.int().positive(), full: z.boolean(), ends: z.tuple([z.int(), z.int()]) }),
);

/** The route that compares two agents. */
export const diffQueries = [
  route({
    name: 'diffAgents',
    method: 'GET',
    path: '/agents/{agentId}/diff',
    summary: 'Compare two agents: the actions that they do not share, and the differences in those that they share',
    description: `Compares the events after the last shared event, aligned by action; ${MAX_EVENTS} events of each agent at most. The answer has the steps that differ.`,
    params: z.object({ agentId: id }),
    query: z.object({
      with: id.describe('The other agent'),
      full: z.enum(['true', 'false']).default('false').describe('Whether to show equal steps, too, and every event'),
      limit,
      cursor: diffCursor,
    }),
    answer: diffAnswer,
    statuses: { 200: 'A page of steps, the two agents side by side' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA', 'PAYLOAD_TOO_LARGE'],
    async handle({ params: { agentId }, query }, { store }: { store: EventStore }) {
      const { after = 0, ends, full } = query.cursor ?? { full: query.full === 'true' };
      const [left = [], right = []] = await Promise.all([
        agentHistory(store, agentId, ends?.[0]),
        agentHistory(store, query.with, ends?.[1]),
      ]);
      const parting = partingOf(left, right);
      const comparison = await comparisonOf(store, parting.left, parting.right);
      const { rows, counts, aligned } = comparison;
      const { items, more } = await takePage(stepsOf(store, rows, after, full), query.limit);
      const last = items.at(-1);
      const next = more && last ? encodeCursor({ after: last.step, full, ends: [endOf(left), endOf(right)] }) : null;
      const differing = rows.findIndex(({ kind }) => kind !== 'same');
      const first = rows[differing];
      return {
        status: 200,
        body: {
          ...{ agentId, with: query.with, common: parting.common ? placeOf(parting.common) : null },
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
  }),
];

/** @param to leaves out later events of the agent, apart from its parents */
async function agentHistory(store: EventStore, agentId: string, to = Number.POSITIVE_INFINITY): Promise<Stretch[]> {
  const history = await historyOf(store, streamId('agent', agentId));
  const last = history.at(-1);
  if (!last) throw new NotFoundError(`agent ${agentId} does not exist`);
  return [...history.slice(0, -1), { ...last, to: Math.min(last.to, to) }];
}

const endOf = (history: readonly Stretch[]): number => history.at(-1)?.to ?? 0;

const placeOf = ({ stream, version }: { readonly stream: string; readonly version: number }) => ({
  agentId: parseStreamId(stream).aggregateId,
  version,
});

async function* stepsOf(store: EventStore, rows: readonly Row[], after: number, full: boolean): AsyncGenerator<Step> {
  const sides = { left: new Side(store), right: new Side(store) };
  for (let index = after; index < rows.length; index += 1) {
    const { kind, ...row } = rows[index] as Row;
    if (kind === 'same' && !full) continue;
    const [left, right] = await Promise.all([
      row.left && sides.left.event(row.left),
      row.right && sides.right.event(row.right),
    ]);
    const shown = left ?? right;
    const withEvents = full || kind === 'added' || kind === 'removed';
    yield {
      step: index + 1,
      kind,
      action: shown ? labelOf(shown) : '',
      left: left ? sideOf(left, withEvents) : null,
      right: right ? sideOf(right, withEvents) : null,
      ...(kind === 'changed' && left && right
        ? { changes: changesBetween(left, right) as z.output<typeof change>[] }
        : {}),
    };
  }
}

/** Most characters of the start of an action. */
const LABEL = 200;

const labelOf = (event: DomainEvent): string => (actionOf(event).trim() || event.type).slice(0, LABEL).toWellFormed();

function sideOf(event: DomainEvent, withEvent: boolean): Exclude<z.output<typeof side>, null> {
  const { durationMs, usage } = event.type === 'agent.step-recorded' ? event.data : {};
  return {
    agentId: event.aggregateId,
    version: event.sequenceNumber,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(usage === undefined ? {} : { usage }),
    ...(withEvent ? { event } : {}),
  };
}
