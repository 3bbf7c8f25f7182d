import { streamId } from '../../core/base/stream-id.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import type { StateReader } from '../../core/state/state-reader.ts';
import { atAnyVersion, type EventStore } from '../../core/store/event-store.ts';
import { type AgentEvent, type Creation, record, SOURCE } from './agent-stream.ts';
import { textIn } from './attributes.ts';
import { agentNameOf, configurationOf, conversationOf, nearbyAgentOf, roleOf, stepOf } from './conventions.ts';
import { makeMoves, stepBody, stepId } from './moved-steps.ts';
import { type Places, placesOf } from './places.ts';
import type { SpanFacts } from './span-facts.ts';
import type { ToldSpan } from './told-span.ts';
import { receive, type Trace, traceFold } from './trace.ts';

/** The parts that receiving needs. */
export interface ReceiverParts {
  readonly store: EventStore;
  readonly states: StateReader;
}

/**
 * Takes spans of one trace in: each agent gets its steps, its description and its state. The spans may come in any order,
 * in any number of calls, and again. Receivers of one trace in several processes come after each other.
 */
export async function receiveSpans(
  { store, states }: ReceiverParts,
  traceId: string,
  spans: readonly ToldSpan[],
): Promise<void> {
  const stream = streamId('trace', traceId);
  const facts = spans.map(factsOf);
  await store.writers.inTurn(stream, async () => {
    const received = await atAnyVersion.execute(() => remember({ store, states }, stream, traceId, facts));
    if (!received) return;
    const { before, trace } = received;
    const places = placesOf(traceId, factsIn(trace));
    const creationOf = creationsOf(places, trace, spans);
    if (before !== trace) await makeMoves(store, traceId, before.lastMoves, creationOf);
    await makeMoves(store, traceId, trace.lastMoves, creationOf);
    const events = new Map<string, AgentEvent[]>();
    const add = (agentId: string, ...more: AgentEvent[]) =>
      events.set(agentId, [...(events.get(agentId) ?? []), ...more]);
    const recorded = Map.groupBy(stepsIn(traceId, trace, spans), ({ agentId }) => agentId);
    for (const [agentId, steps] of recorded) add(agentId, ...steps.map(({ event }) => event));
    if (tellsAgents(trace, facts)) {
      for (const { agentId, own } of agentsIn(traceId, trace, places)) add(agentId, ...own);
    }
    for (const [agentId, own] of events) await record(store, agentId, creationOf(agentId), own);
  });
}

/** Remembers the facts of spans. @returns undefined for a trace in which no agent is at work, as far as is known */
async function remember(
  { store, states }: ReceiverParts,
  stream: string,
  traceId: string,
  facts: readonly SpanFacts[],
): Promise<{ before: Trace; trace: Trace } | undefined> {
  const { state: before, version } = await states.load(traceFold, stream);
  if (version === 0 && facts.every(({ role }) => role === 'plain')) return undefined;
  const data = receive(before, traceId, facts);
  if (!data) return { before, trace: before };
  const event = { type: 'trace.spans-received', source: SOURCE, data } as NewEvent;
  const appended = await store.append(stream, [event], { expectedVersion: version, headKnown: true });
  const trace = traceFold.evolve(before, event as Parameters<typeof traceFold.evolve>[1]);
  states.written(traceFold, stream, version, { state: trace, version: appended.toVersion });
  return { before, trace };
}

const factsIn = ({ spans }: Trace): Map<string, SpanFacts> =>
  new Map([...spans].map(([spanId, { facts }]) => [spanId, facts]));

function factsOf(span: ToldSpan): SpanFacts {
  const { spanId, parentId, remoteParent, attributes, resource, start, end, error } = span;
  const role = roleOf(span);
  const conversation = conversationOf(attributes);
  const name = role === 'agent' ? agentNameOf(span) : undefined;
  const responseId = role === 'model' ? textIn(attributes, 'gen_ai.response.id')?.slice(0, 256) : undefined;
  return {
    spanId,
    ...(parentId !== undefined && { parentId }),
    ...(parentId !== undefined && remoteParent && { remoteParent }),
    role,
    ...(name !== undefined && { name }),
    ...(conversation !== undefined && { conversation }),
    ...(responseId !== undefined && { responseId }),
    ...(role === 'agent' && error !== undefined && { failed: error.toWellFormed().slice(0, 512).toWellFormed() }),
    ...(role === 'agent' && { configuration: configurationOf(attributes, resource) }),
    start,
    end: Math.max(start, end),
  };
}

/** The events of the steps of these spans, for the agents that have them. */
function* stepsIn(
  traceId: string,
  { spans: known }: Trace,
  spans: readonly ToldSpan[],
): Generator<{ agentId: string; event: AgentEvent }> {
  for (const span of spans.toSorted((a, b) => (a.endNanos < b.endNanos ? -1 : 1))) {
    const { facts, place, moves = 0 } = known.get(span.spanId) ?? {};
    const step = facts && stepOf(span, facts.role);
    if (!place || !step) continue;
    const id = stepId(traceId, span.spanId, moves);
    const body = stepBody(step, place.counted);
    const event: AgentEvent = { id, type: 'agent.step-recorded', at: facts.end, correlationId: traceId, ...body };
    yield { agentId: place.agentId, event };
  }
}

/** Whether spans tell something of an agent: as its span, or by connecting other spans. */
function tellsAgents({ spans }: Trace, arrived: readonly SpanFacts[]): boolean {
  const parents = new Set([...spans.values()].map(({ facts }) => facts.parentId));
  return arrived.some(({ role, spanId }) => role === 'agent' || parents.has(spanId));
}

/** What the spans of agents tell: the description and the end of each agent whose surroundings are known. */
function* agentsIn(
  traceId: string,
  { spans }: Trace,
  places: Places,
): Generator<{ agentId: string; own: AgentEvent[] }> {
  for (const [spanId, { facts }] of spans) {
    const agent = places.agentOf(spanId);
    if (!agent) continue;
    const { agentId, parentId, name } = agent;
    const { configuration, failed, start, end } = facts;
    const description = { ...(name !== undefined && { agentType: name }), ...(parentId !== undefined && { parentId }) };
    const newState = failed === undefined ? 'stopped' : 'failed';
    const state = { previousState: 'running', newState, reason: failed ?? 'the span of the agent ended' };
    const id = `${traceId}-${spanId}`;
    const own: AgentEvent[] = [
      {
        id: `${id}~start`,
        type: 'agent.described',
        at: start,
        data: { ...description, ...(configuration && { configuration }) },
      },
      { id: `${id}~end`, type: 'agent.state-changed', at: end, data: state },
    ];
    yield { agentId, own };
  }
}

/**
 * What is known of each agent when its first event arrives: what all its spans tell alike, so that their order does not
 * matter. Its own span describes it later.
 */
function creationsOf(
  places: Places,
  { spans: known }: Trace,
  spans: readonly ToldSpan[],
): (agentId: string) => Creation {
  return (agentId) => {
    const own = spans.find(({ spanId }) => known.get(spanId)?.place?.agentId === agentId) ?? spans[0];
    const agent = [...known.keys()].map((spanId) => places.agentOf(spanId)).find((one) => one?.agentId === agentId);
    const service = textIn(own?.resource ?? {}, 'service.name');
    const agentType = agent?.name ?? nearbyAgentOf(own?.attributes ?? {}) ?? service?.toWellFormed().slice(0, 128);
    return {
      agentType: agentType || 'unknown',
      configuration: own ? configurationOf({}, own.resource) : {},
      ...(agent?.parentId !== undefined && { parentId: agent.parentId }),
    };
  };
}
