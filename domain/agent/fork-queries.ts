import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { cursor, encodeCursor, limit, nextPage, takePage } from '../../api/http/page.ts';
import { route } from '../../api/http/route.ts';
import { NotFoundError } from '../../core/base/errors.ts';
import { parseStreamId, streamId } from '../../core/base/stream-id.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { id } from '../../core/events/envelope.ts';
import { eventsOf, historyOf, partingOf, type Stretch, skip } from '../../core/state/lineage.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { recordedEventSchema } from '../../events/catalogue.ts';

const step = z.strictObject({
  step: z.int().positive().describe('Counts from 1, from the first difference in history'),
  same: z.boolean().describe('Whether both did the same. Agent, time, duration and usage do not count'),
  left: recordedEventSchema.nullable().describe('The event of this agent; null after its last event'),
  right: recordedEventSchema.nullable().describe('The event of the other agent'),
});
type Step = z.output<typeof step>;

const diffAnswer = z.strictObject({
  agentId: id,
  with: id,
  common: z
    .strictObject({ agentId: id, version: z.int().positive() })
    .nullable()
    .describe('The last shared event; null without a shared history'),
  steps: z.array(step),
  next: nextPage,
});

export const forkQueries = [
  route({
    name: 'diffAgents',
    method: 'GET',
    path: '/agents/{agentId}/diff',
    summary: 'Compare two agents step by step, from the first difference in history',
    params: z.object({ agentId: id }),
    query: z.object({
      with: id.describe('The other agent'),
      limit,
      cursor: cursor(z.object({ after: z.int().positive() })),
    }),
    answer: diffAnswer,
    statuses: { 200: 'A page of steps, the two agents side by side' },
    errors: ['NOT_FOUND', 'CORRUPT_DATA'],
    async handle({ params: { agentId }, query }, { store }: { store: EventStore }) {
      const histories = [agentId, query.with].map((own) => agentHistory(store, own));
      const [left = [], right = []] = await Promise.all(histories);
      const parting = partingOf(left, right);
      const after = query.cursor?.after ?? 0;
      const steps = sideBySide(store, skip(parting.left, after), skip(parting.right, after), after);
      const { items, more } = await takePage(steps, query.limit);
      const last = items.at(-1);
      const common = parting.common && {
        agentId: parseStreamId(parting.common.stream).aggregateId,
        version: parting.common.version,
      };
      const next = more && last ? encodeCursor({ after: last.step }) : null;
      return { status: 200, body: { agentId, with: query.with, common: common ?? null, steps: items, next } };
    },
  }),
];

async function agentHistory(store: EventStore, agentId: string): Promise<Stretch[]> {
  const history = await historyOf(store, streamId('agent', agentId));
  if (history.length === 0) throw new NotFoundError(`agent ${agentId} does not exist`);
  return history;
}

async function* sideBySide(
  store: EventStore,
  left: readonly Stretch[],
  right: readonly Stretch[],
  after: number,
): AsyncGenerator<Step> {
  const [own, other] = [eventsOf(store, left), eventsOf(store, right)];
  for (let number = after + 1; ; number += 1) {
    const [one, two] = await Promise.all([own.next(), other.next()]);
    if (one.done && two.done) return;
    const [a, b] = [one.done ? null : one.value, two.done ? null : two.value];
    yield { step: number, same: a !== null && b !== null && isSame(a, b), left: a, right: b };
  }
}

/** Members of data that name the agent, the time and the cost of a step. They differ between any two runs. */
const CIRCUMSTANCES: ReadonlySet<string> = new Set(['agentId', 'durationMs', 'usage', 'timestamp']);

function isSame(a: DomainEvent, b: DomainEvent): boolean {
  return a.type === b.type && isDeepStrictEqual(deedOf(a), deedOf(b));
}

const deedOf = ({ data }: DomainEvent) =>
  Object.fromEntries(Object.entries(data).filter(([name]) => !CIRCUMSTANCES.has(name)));
