import type { EventData } from '../../core/events/catalogue.ts';
import { type Attributes, attributesOf, textIn } from './attributes.ts';
import { type Span, Status_StatusCode } from './messages/opentelemetry/proto/trace/v1/trace_pb.js';

/** The data of a step, without the agent. */
export type Step = Omit<EventData<'agent.step-recorded'>, 'agentId'>;

/** A span as plain values. */
export interface ToldSpan {
  /** 32 digits of hex. */
  readonly traceId: string;
  /** 16 digits of hex. */
  readonly spanId: string;
  readonly parentId?: string;
  /** The parent is a span of another process. */
  readonly remoteParent: boolean;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** Nanoseconds since 1970. They order spans that end in the same millisecond. */
  readonly endNanos: bigint;
  /** With the microseconds that the times above lack. */
  readonly durationMs: number;
  /** What failed, if the span has an error status. */
  readonly error?: string;
  readonly attributes: Attributes;
  /** The attributes of the span's events, by the name of the event; the last event of a name counts. */
  readonly events: Readonly<Record<string, Attributes>>;
  readonly resource: Attributes;
}

/** The bit of `flags` that says that the parent is remote; `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK` of trace.proto. */
const REMOTE_PARENT = 0x200;

/**
 * Reads a span.
 * @throws Error for a span without valid ids or a time
 */
export function toldSpan(span: Span, resource: Attributes): ToldSpan {
  const [traceId, spanId] = [hexId(span.traceId, 16, 'trace'), hexId(span.spanId, 8, 'span')];
  const parentId = span.parentSpanId.some((byte) => byte !== 0)
    ? hexId(span.parentSpanId, 8, 'parent span')
    : undefined;
  const endNanos = span.endTimeUnixNano || span.startTimeUnixNano;
  const startNanos = span.startTimeUnixNano || endNanos;
  if (endNanos === 0n) throw new Error(`span ${spanId} has no time`);
  const attributes = attributesOf(span.attributes);
  const events = Object.fromEntries(span.events.map((event) => [event.name, attributesOf(event.attributes)]));
  const failed = span.status?.code === Status_StatusCode.ERROR;
  const duration = Number((endNanos - startNanos) / 1_000n) / 1_000;
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentId }),
    remoteParent: (span.flags & REMOTE_PARENT) !== 0,
    name: span.name,
    start: millisecondsOf(startNanos),
    end: millisecondsOf(endNanos),
    endNanos,
    durationMs: Math.max(duration, 0),
    ...(failed && { error: errorOf(span.status?.message, attributes, events) }),
    attributes,
    events,
    resource,
  };
}

/** Nanoseconds since 1970 in milliseconds. */
export const millisecondsOf = (nanos: bigint): number => Number(nanos / 1_000_000n);

function hexId(bytes: Uint8Array, length: number, what: string): string {
  if (bytes.length !== length || bytes.every((byte) => byte === 0))
    throw new Error(`a ${what} id has to have ${length} bytes, not all 0`);
  return Buffer.from(bytes).toString('hex');
}

function errorOf(message: string | undefined, attributes: Attributes, events: ToldSpan['events']): string {
  return (
    message || textIn(events['exception'] ?? {}, 'exception.message') || textIn(attributes, 'error.type') || 'failed'
  );
}
