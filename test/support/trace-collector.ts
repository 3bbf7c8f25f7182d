import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { fromBinary } from '@bufbuild/protobuf';
import { type Attributes, attributesOf } from '../../sources/otlp/attributes.ts';
import { ExportTraceServiceRequestSchema } from '../../sources/otlp/messages/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import {
  type Span,
  Span_SpanKind,
  Status_StatusCode,
} from '../../sources/otlp/messages/opentelemetry/proto/trace/v1/trace_pb.js';

/** A span as a collector shows it: ids in hex. */
export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly id: string;
  readonly parentId: string;
  readonly kind: string | undefined;
  readonly status: string | undefined;
  readonly durationNs: bigint;
  readonly attributes: Attributes;
  readonly resource: Attributes;
}

/** A collector of OpenTelemetry on a free port, or on a given port. It answers with `status` and keeps what it takes. */
export async function startCollector(port = 0) {
  const spans: CollectedSpan[] = [];
  const requests: IncomingHttpHeaders[] = [];
  const arrivals: number[] = [];
  const answer: { status: number; headers: Record<string, string> } = { status: 200, headers: {} };
  const http = createServer(async (request, response) => {
    const body = await buffer(request);
    requests.push(request.headers);
    arrivals.push(performance.now());
    if (answer.status === 200 && request.url === '/v1/traces') spans.push(...spansIn(gunzipSync(body)));
    response.writeHead(answer.status, answer.headers).end();
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    spans,
    requests,
    /** Milliseconds on the clock of this process. */
    arrivals,
    answer,
    async stop() {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

function spansIn(body: Uint8Array): CollectedSpan[] {
  return fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) => scope.spans.map((span) => collected(span, attributesOf(resource?.attributes ?? [])))),
  );
}

const hex = (id: Uint8Array) => Buffer.from(id).toString('hex');

function collected(span: Span, resource: Attributes): CollectedSpan {
  return {
    name: span.name,
    traceId: hex(span.traceId),
    id: hex(span.spanId),
    parentId: hex(span.parentSpanId),
    kind: Span_SpanKind[span.kind],
    status: span.status && Status_StatusCode[span.status.code],
    durationNs: span.endTimeUnixNano - span.startTimeUnixNano,
    attributes: attributesOf(span.attributes),
    resource,
  };
}
