import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { turn } from '../../core/base/turns.ts';
import type { SegmentDocument } from '../../core/telemetry/tracer.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { ExportTraceServiceRequestSchema } from '../../sources/otlp/messages/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import type { KeyValueSchema } from '../../sources/otlp/messages/opentelemetry/proto/common/v1/common_pb.js';
import {
  Span_SpanKind,
  type SpanSchema,
  Status_StatusCode,
} from '../../sources/otlp/messages/opentelemetry/proto/trace/v1/trace_pb.js';

/** Spans that are encoded in one turn of the event loop. */
const SPANS_A_TURN = 64;

/**
 * Spans as the body of an export request of OTLP, in Protobuf.
 * @param serviceName the attribute `service.name` of the resource
 */
export async function exportRequest(segments: readonly SegmentDocument[], serviceName: string): Promise<Uint8Array> {
  const resource = { attributes: keyValues({ 'service.name': serviceName, 'service.version': packageJson.version }) };
  const parts: Uint8Array[] = [];
  for (let from = 0; from < segments.length; from += SPANS_A_TURN) {
    const spans = segments.slice(from, from + SPANS_A_TURN).map(spanOf);
    const resourceSpans = [{ resource, scopeSpans: [{ scope: { name: 'annals' }, spans }] }];
    parts.push(toBinary(ExportTraceServiceRequestSchema, create(ExportTraceServiceRequestSchema, { resourceSpans })));
    await turn();
  }
  return Buffer.concat(parts); // requests after each other are one request with the spans of all of them
}

function spanOf(segment: SegmentDocument): MessageInitShape<typeof SpanSchema> {
  const { name, id, trace_id, parent_id, start_time, end_time, annotations, aws, fault, cause } = segment;
  const [exception] = cause?.exceptions ?? [];
  return {
    name: String(annotations?.['route'] ?? name),
    traceId: bytesOf(w3cTraceId(trace_id)),
    spanId: bytesOf(id),
    ...(parent_id === undefined ? {} : { parentSpanId: bytesOf(parent_id) }),
    kind: kindOf(segment),
    startTimeUnixNano: nanoseconds(start_time),
    endTimeUnixNano: nanoseconds(end_time),
    attributes: keyValues({ ...annotations, ...aws, 'error.type': exception?.type }),
    // The conventions of OpenTelemetry leave the status of a server's span unset when the caller made the mistake.
    ...(fault ? { status: { code: Status_StatusCode.ERROR } } : {}),
  };
}

/** The 32 hex digits of W3C Trace Context: `1-5759e988-bd862e3fe1be46a994272793` without its version and hyphens. */
const w3cTraceId = (traceId: string): string => traceId.slice(2).replace('-', '');

function kindOf({ type, annotations }: SegmentDocument): Span_SpanKind {
  if (type === 'subsegment') return Span_SpanKind.INTERNAL;
  return annotations?.['route'] === undefined ? Span_SpanKind.CONSUMER : Span_SpanKind.SERVER;
}

function keyValues(
  attributes: Readonly<Record<string, string | number | boolean | undefined>>,
): MessageInitShape<typeof KeyValueSchema>[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: { value: anyValue(value) } }],
  );
}

function anyValue(value: string | number | boolean) {
  if (typeof value === 'string') return { case: 'stringValue' as const, value };
  if (typeof value === 'boolean') return { case: 'boolValue' as const, value };
  if (Number.isSafeInteger(value)) return { case: 'intValue' as const, value: BigInt(value) };
  return { case: 'doubleValue' as const, value };
}

const bytesOf = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex, 'hex'));

/** Exact to the microsecond: a number has no more digits. */
const nanoseconds = (seconds: number): bigint => BigInt(Math.round(seconds * 1_000_000)) * 1_000n;
