import { streamId } from '../../core/base/stream-id.ts';
import type { StreamVersion } from '../../core/base/versions.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import { atAnyVersion, type EventStore } from '../../core/store/event-store.ts';
import { type AgentEvent, type Creation, record, recordAfter } from './agent-stream.ts';
import type { Step } from './told-span.ts';
import type { Move } from './trace.ts';

/** The id of the event of a span's step: of the trace and the span, and of how often the step has moved. */
export const stepId = (traceId: string, spanId: string, moves: number): string =>
  `${traceId}-${spanId}${moves === 0 ? '' : `~${moves}`}`;

type StepEvent = DomainEvent<'agent.step-recorded'>;

/**
 * Moves steps that turned out to belong to other agents: each is recorded there, then withdrawn here. A step that is not
 * there yet was never recorded; it goes to its new place when its span is sent again. Made again, it changes nothing.
 * @param creationOf what is known of an agent that gets its first step
 */
export async function makeMoves(
  store: EventStore,
  traceId: string,
  moves: readonly Move[],
  creationOf: (agentId: string) => Creation,
): Promise<void> {
  for (const [agentId, left] of Map.groupBy(moves, ({ from }) => from.agentId)) {
    // Another trace may give this agent a step meanwhile, which may then be its last.
    await atAnyVersion.execute(() => moveFrom(store, traceId, agentId, left, creationOf));
  }
}

async function moveFrom(
  store: EventStore,
  traceId: string,
  agentId: string,
  moves: readonly Move[],
  creationOf: (agentId: string) => Creation,
): Promise<void> {
  const { steps, version } = await stepsOf(store, agentId);
  const going = moves.flatMap((move) => {
    const step = steps.get(stepId(traceId, move.spanId, move.moves));
    return step ? [{ move, step }] : [];
  });
  const others = going.filter(({ move }) => move.to.agentId !== agentId);
  for (const [to, arriving] of Map.groupBy(others, ({ move }) => move.to.agentId)) {
    await record(
      store,
      to,
      creationOf(to),
      arriving.map(({ move, step }) => movedStep(traceId, move, step)),
    );
  }
  for (const { step } of going) steps.delete(step.id);
  const recounted = going.filter(({ move }) => move.to.agentId === agentId);
  const staying = [...steps.values(), ...recounted.map(({ step }) => step)];
  const last = lastOf(staying);
  const events = [
    ...recounted.map(({ move, step }) => movedStep(traceId, move, step)),
    ...going.map(({ move, step }) => withdrawal(reasonOf(move, agentId), step, last)),
  ];
  await recordAfter(store, agentId, events, version);
}

/**
 * Replaces steps that an agent has: each is recorded again as it is told here, and the earlier one is withdrawn. Made again, it
 * changes nothing.
 * @param told the steps, with the ids of those that they replace
 * @param isOutdated whether a step that the agent has gives way
 */
export async function replaceSteps(
  store: EventStore,
  agentId: string,
  told: readonly AgentEvent[],
  isOutdated: (step: StepEvent) => boolean,
): Promise<void> {
  await atAnyVersion.execute(async () => {
    const { steps, version } = await stepsOf(store, agentId);
    const pairs = told.flatMap((event) => {
      const step = steps.get(event.id);
      return step && isOutdated(step) ? [{ event: { ...event, id: `${event.id}~again` }, step }] : [];
    });
    if (pairs.length === 0) return;
    for (const { step } of pairs) steps.delete(step.id);
    const last = lastOf([
      ...steps.values(),
      ...pairs.map(({ event, step }) => ({ ...step, data: { ...step.data, ...event.data } })),
    ]);
    const reason = 'another record tells more of it';
    await recordAfter(
      store,
      agentId,
      pairs.flatMap(({ event, step }) => [event, withdrawal(reason, step, last)]),
      version,
    );
  });
}

/** The step that happened last; of several at one time the one that came last. */
const lastOf = (steps: readonly StepEvent[]): StepEvent | undefined =>
  steps.reduce<StepEvent | undefined>(
    (latest, step) => (latest && latest.timestamp > step.timestamp ? latest : step),
    undefined,
  );

/** The steps that an agent has, by the id of their event, and the version of its stream. */
async function stepsOf(
  store: EventStore,
  agentId: string,
): Promise<{ steps: Map<string, StepEvent>; version: StreamVersion }> {
  const steps = new Map<string, StepEvent>();
  let version = 0;
  for await (const event of store.read(streamId('agent', agentId))) {
    version = event.sequenceNumber;
    if (event.type === 'agent.step-recorded') steps.set(event.id, event);
    if (event.type === 'agent.step-withdrawn') steps.delete(event.data.stepId);
  }
  return { steps, version };
}

/** The name of the cost in the metadata of a step whose cost another step counts. */
const UNCOUNTED = 'uncounted';

function movedStep(traceId: string, { spanId, moves, to }: Move, step: StepEvent): AgentEvent {
  const { agentId: _, ...data } = step.data;
  const { recordedAt: __, trace: ___, [UNCOUNTED]: uncounted, ...metadata } = step.metadata as JsonObject;
  return {
    id: stepId(traceId, spanId, moves + 1),
    type: 'agent.step-recorded',
    at: Date.parse(step.timestamp),
    correlationId: traceId,
    ...stepBody({ ...data, ...(uncounted as object | undefined) }, to.counted, metadata),
  };
}

/** The data and the metadata of a step, with its duration and usage where they belong. */
export function stepBody(
  { durationMs, usage, ...rest }: Step,
  counted: boolean,
  metadata: JsonObject = {},
): Pick<AgentEvent, 'data' | 'metadata'> {
  const cost = { ...(durationMs !== undefined && { durationMs }), ...(usage && { usage }) };
  if (counted) return { data: { ...rest, ...cost }, metadata };
  return { data: rest, metadata: { ...metadata, [UNCOUNTED]: cost as JsonObject } };
}

const reasonOf = ({ to }: Move, agentId: string): string =>
  to.agentId === agentId ? 'its cost is counted with another step' : `it is a step of agent ${to.agentId}`;

function withdrawal(reason: string, { id, data, timestamp }: StepEvent, last: StepEvent | undefined): AgentEvent {
  const { durationMs, usage, taskId } = data;
  return {
    id: `${id}~withdrawn`,
    type: 'agent.step-withdrawn',
    at: Date.parse(timestamp),
    data: {
      stepId: id,
      ...(durationMs !== undefined && { durationMs }),
      ...(usage && { usage }),
      ...(taskId !== undefined && { taskId }),
      ...(last && { last: { action: last.data.action, timestamp: last.timestamp } }),
      reason,
    },
  };
}
