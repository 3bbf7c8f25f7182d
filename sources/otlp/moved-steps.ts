import { streamId } from '../../core/base/stream-id.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import type { JsonObject } from '../../core/events/json.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { type AgentEvent, type Creation, record } from './agent-stream.ts';
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
    const steps = await stepsOf(store, agentId);
    const going = left.flatMap((move) => {
      const step = steps.get(stepId(traceId, move.spanId, move.moves));
      return step ? [{ move, step }] : [];
    });
    for (const [to, arriving] of Map.groupBy(going, ({ move }) => move.to.agentId)) {
      const recorded = arriving.map(({ move, step }) => movedStep(traceId, move, step));
      await record(store, to, creationOf(to), recorded);
    }
    for (const { step } of going) steps.delete(step.id);
    const staying = new Map([...steps].map(([id, { timestamp, data }]) => [id, { timestamp, action: data.action }]));
    for (const { move, step } of going) {
      if (move.to.agentId !== agentId) continue;
      staying.set(`${step.id}~`, { timestamp: step.timestamp, action: step.data.action });
    }
    const last = [...staying.values()].reduce<{ timestamp: string; action: string } | undefined>(
      (latest, step) => (latest && latest.timestamp > step.timestamp ? latest : step),
      undefined,
    );
    const withdrawn = going.map(({ move, step }) => withdrawal(move, step, last));
    await record(store, agentId, creationOf(agentId), withdrawn);
  }
}

/** The steps that an agent has, by the id of their event. */
async function stepsOf(store: EventStore, agentId: string): Promise<Map<string, StepEvent>> {
  const steps = new Map<string, StepEvent>();
  for await (const event of store.read(streamId('agent', agentId))) {
    if (event.type === 'agent.step-recorded') steps.set(event.id, event);
    if (event.type === 'agent.step-withdrawn') steps.delete(event.data.stepId);
  }
  return steps;
}

/** The name of the usage in the metadata of a step whose usage another step counts. */
const UNCOUNTED = 'uncountedUsage';

function movedStep(traceId: string, { spanId, moves, to }: Move, step: StepEvent): AgentEvent {
  const { agentId: _, usage: counted, ...data } = step.data;
  const { recordedAt: __, trace: ___, [UNCOUNTED]: uncounted, ...metadata } = step.metadata as JsonObject;
  return {
    id: stepId(traceId, spanId, moves + 1),
    type: 'agent.step-recorded',
    at: Date.parse(step.timestamp),
    correlationId: traceId,
    ...stepBody(data, (counted ?? uncounted) as JsonObject | undefined, to.counted, metadata),
  };
}

/** The data and the metadata of a step, with its usage where it belongs. */
export function stepBody(
  step: object,
  usage: object | undefined,
  counted: boolean,
  metadata: JsonObject = {},
): Pick<AgentEvent, 'data' | 'metadata'> {
  if (usage === undefined) return { data: step, metadata };
  if (counted) return { data: { ...step, usage }, metadata };
  return { data: step, metadata: { ...metadata, [UNCOUNTED]: usage as JsonObject } };
}

function withdrawal(
  { to }: Move,
  { id, data, timestamp }: StepEvent,
  last: { readonly timestamp: string; readonly action: string } | undefined,
): AgentEvent {
  const { durationMs, usage } = data;
  const isHere = to.agentId === data.agentId;
  return {
    id: `${id}~withdrawn`,
    type: 'agent.step-withdrawn',
    at: Date.parse(timestamp),
    data: {
      stepId: id,
      ...(durationMs !== undefined && { durationMs }),
      ...(usage && { usage }),
      ...(last && { last }),
      reason: isHere ? 'its usage is counted with another step' : `it is a step of agent ${to.agentId}`,
    },
  };
}
