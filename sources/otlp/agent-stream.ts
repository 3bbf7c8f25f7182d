import { EventIdTakenError } from '../../core/base/errors.ts';
import { streamId } from '../../core/base/stream-id.ts';
import type { StreamVersion } from '../../core/base/versions.ts';
import type { EventData, NewEvent } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { MAX_GIVEN_IDS } from '../../core/store/new-events.ts';
import { TELEMETRY_ARRIVES } from '../../events/agent.ts';
import { eventId } from '../source-event.ts';

/** The name of this source in events. */
export const SOURCE = 'opentelemetry';

/** An event of an agent, without the agent. Its id is the same whenever the source tells it again. */
export interface AgentEvent {
  readonly id: string;
  readonly type: 'agent.state-changed' | 'agent.step-recorded' | 'agent.described' | 'agent.step-withdrawn';
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly data: object;
  readonly correlationId?: string;
  readonly metadata?: JsonObject;
}

/** What is known of an agent when its first event arrives. */
export type Creation = Omit<EventData<'agent.created'>, 'agentId' | 'createdBy' | 'metadata'>;

/** Most characters of texts in a commit. A step with more is a commit of its own. */
const MAX_COMMIT_CHARACTERS = 1024 * 1024;

/**
 * Appends events to an agent, those that it has already left out. The first events of an agent create it. Nothing is
 * refused by the state of the agent: a step that arrives after the end of its agent happened all the same.
 * @returns the ids of the events that it had already
 */
export async function record(
  store: EventStore,
  agentId: string,
  creation: Creation,
  events: readonly AgentEvent[],
): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  if (events.length === 0) return known;
  const stream = streamId('agent', agentId);
  const ordered = events.toSorted((a, b) => a.at - b.at);
  const born = (await store.head(stream)) === 0 ? birth(agentId, creation, ordered[0]?.at ?? 0) : [];
  const all = [...born, ...ordered.map((event) => newEvent(agentId, event))];
  for (const portion of portionsOf(all)) await appendNew(store, stream, portion, 'any', known);
  return known;
}

/**
 * Appends events to an agent as {@link record} does, right after a version.
 * @throws ConcurrencyError when the agent has later events; some of these may be written
 */
export async function recordAfter(
  store: EventStore,
  agentId: string,
  events: readonly AgentEvent[],
  version: StreamVersion,
): Promise<void> {
  let expectedVersion = version;
  for (const portion of portionsOf(events.map((event) => newEvent(agentId, event)))) {
    expectedVersion = await appendNew<StreamVersion>(store, streamId('agent', agentId), portion, expectedVersion);
  }
}

function birth(agentId: string, creation: Creation, at: number): GivenEvent[] {
  const common = { timestamp: new Date(at).toISOString(), source: SOURCE };
  const created = { agentId, ...creation, createdBy: SOURCE };
  const running = { agentId, previousState: 'created', newState: 'running', reason: TELEMETRY_ARRIVES } as const;
  return [
    { ...common, id: eventId(agentId, 'created'), type: 'agent.created', data: created },
    { ...common, id: eventId(agentId, 'running'), type: 'agent.state-changed', data: running },
  ];
}

type GivenEvent = NewEvent & { readonly id: string };

const newEvent = (agentId: string, { at, data, ...event }: AgentEvent): GivenEvent =>
  ({
    ...event,
    timestamp: new Date(at).toISOString(),
    source: SOURCE,
    data: { agentId, ...data },
  }) as GivenEvent; // the store checks the data of each type

function* portionsOf(events: readonly GivenEvent[]): Generator<GivenEvent[]> {
  let portion: GivenEvent[] = [];
  let characters = 0;
  for (const event of events) {
    const own = charactersIn(event.data);
    if (portion.length === MAX_GIVEN_IDS || (portion.length > 0 && characters + own > MAX_COMMIT_CHARACTERS)) {
      yield portion;
      [portion, characters] = [[], 0];
    }
    portion.push(event);
    characters += own;
  }
  if (portion.length > 0) yield portion;
}

const charactersIn = (data: object): number =>
  Object.values(data).reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 64), 0);

/** Appends the events that the stream lacks. @param known gets the ids of the others @returns the version after it */
async function appendNew<Version extends StreamVersion | 'any'>(
  store: EventStore,
  stream: string,
  events: readonly GivenEvent[],
  expectedVersion: Version,
  known = new Set<string>(),
): Promise<StreamVersion | Version> {
  for (let left = events; left.length > 0; ) {
    try {
      return (await store.append(stream, left, { expectedVersion })).toVersion;
    } catch (error) {
      if (!(error instanceof EventIdTakenError)) throw error;
      const { taken } = error;
      for (const id of taken.keys()) known.add(id);
      left = left.filter(({ id }) => !taken.has(id));
    }
  }
  return expectedVersion;
}
