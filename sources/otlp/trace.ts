import type { DomainEvent, EventData } from '../../core/events/catalogue.ts';
import type { Fold } from '../../core/state/fold.ts';
import { withEntry } from '../../core/state/growing-map.ts';
import { placesOf } from './places.ts';
import type { Place, SpanFacts } from './span-facts.ts';

/** A known span of a trace. */
export interface KnownSpan {
  readonly facts: SpanFacts;
  /** The place of its step; absent for spans without a step. */
  readonly place?: Place;
  /** How often the step has moved. It is part of the id of the step's event. */
  readonly moves: number;
}

/** The step of a span goes from one place to another. */
export interface Move {
  readonly spanId: string;
  readonly from: Place;
  readonly to: Place;
  /** How often the step had moved before. */
  readonly moves: number;
}

/** The spans of a trace so far, in the order of their arrival. */
export interface Trace {
  readonly spans: ReadonlyMap<string, KnownSpan>;
  /** The moves of the last event. They may have been interrupted, so they are made again with the next spans. */
  readonly lastMoves: readonly Move[];
}

/** What is known of a trace. Its streams are written by {@link receive} only. */
export const traceFold: Fold<Trace> = {
  name: 'state.trace',
  aggregateType: 'trace',
  initialState: { spans: new Map(), lastMoves: [] },
  evolve: (trace, event) => evolve(trace, (event as DomainEvent<'trace.spans-received'>).data),
};

type Received = EventData<'trace.spans-received'>;

function evolve(trace: Trace, { spans: added, moved = [] }: Received): Trace {
  let spans = trace.spans;
  const lastMoves: Move[] = [];
  for (const { spanId, ...told } of moved) {
    const known = spans.get(spanId);
    const to = placeOf(told);
    if (!known?.place || !to) continue;
    lastMoves.push({ spanId, from: known.place, to, moves: known.moves });
    spans = withEntry(spans, spanId, { ...known, place: to, moves: known.moves + 1 });
  }
  for (const { agentId, uncounted, ...facts } of added) {
    const place = placeOf({ agentId, uncounted });
    spans = withEntry(spans, facts.spanId, { facts, moves: 0, ...(place && { place }) });
  }
  return { spans, lastMoves };
}

const placeOf = ({ agentId, uncounted }: { agentId?: string | undefined; uncounted?: true | undefined }) =>
  agentId === undefined ? undefined : { agentId, counted: uncounted !== true };

/**
 * Takes spans of a trace in. Where a step belongs follows from all spans that are known, not from their order: a span
 * that changes the place of earlier steps moves them.
 * @returns the data of the event; undefined when every span is known
 */
export function receive(trace: Trace, traceId: string, arrived: readonly SpanFacts[]): Received | undefined {
  const added = arrived.filter(({ spanId }) => !trace.spans.has(spanId));
  if (added.length === 0) return undefined;
  const all = new Map([...trace.spans].map(([spanId, { facts }]) => [spanId, facts]));
  for (const facts of added) all.set(facts.spanId, facts);
  const places = placesOf(traceId, all);
  const moved = [...trace.spans].flatMap(([spanId, { place: before }]) => {
    const place = places.stepOf(spanId);
    if (!before || !place || (place.agentId === before.agentId && place.counted === before.counted)) return [];
    return [{ spanId, ...told(place) }];
  });
  return {
    traceId,
    spans: added.map((facts) => ({ ...facts, ...told(places.stepOf(facts.spanId)) })),
    ...(moved.length > 0 && { moved }),
  };
}

const told = (place: Place | undefined) =>
  place && { agentId: place.agentId, ...(place.counted ? {} : { uncounted: true as const }) };
