import { deflateSync, gzipSync } from 'node:zlib';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { StatusSchema } from '../../../sources/otlp/messages/google/rpc/status_pb.js';
import {
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from '../../../sources/otlp/messages/opentelemetry/proto/collector/trace/v1/trace_service_pb.js';
import { servedApi } from '../../support/served-api.ts';

const { get, url } = servedApi();

const traceId = '5c0ffee05c0ffee05c0ffee05c0ffee0';
const span = (spanId: string, more: object = {}) => ({
  traceId,
  spanId,
  name: 'chat',
  startTimeUnixNano: '1795831058390000000',
  endTimeUnixNano: 1795831059390000000,
  attributes: [
    { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } },
    { key: 'gen_ai.usage.input_tokens', value: { intValue: '120' } },
  ],
  unknownMember: 1,
  ...more,
});
const request = (...spans: object[]) => ({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

const json = { 'Content-Type': 'application/json' };
const protobuf = { 'Content-Type': 'application/x-protobuf' };

async function send(path: string, body: BodyInit, headers: Record<string, string>) {
  const response = await fetch(`${url()}${path}`, { method: 'POST', body, headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, type: response.headers.get('content-type'), bytes, headers: response.headers };
}

const textOf = ({ bytes }: { readonly bytes: Uint8Array }) => JSON.parse(Buffer.from(bytes).toString());

function binary(spanId: string): Uint8Array<ArrayBuffer> {
  const value = { case: 'stringValue', value: 'chat' } as const;
  const attributes = [{ key: 'gen_ai.operation.name', value: { value } }];
  const told = {
    traceId: Buffer.from(traceId, 'hex'),
    spanId: Buffer.from(spanId, 'hex'),
    name: 'chat',
    startTimeUnixNano: 1795831058390000000n,
    endTimeUnixNano: 1795831059390000000n,
    attributes,
  };
  const message = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: [told] }] }] });
  return new Uint8Array(toBinary(ExportTraceServiceRequestSchema, message));
}

const stepsOf = async (agentId: string) => (await get(`/agents/${agentId}`)).body?.steps;

describe('a request of OTLP', () => {
  beforeAll(async () => {
    await send('/v1/traces', JSON.stringify(request(span('a11ce00000000001'))), json);
    await vi.waitFor(async () => expect(await stepsOf(traceId)).toBe(1));
  });

  it('has an empty answer in its encoding', async () => {
    const asJson = await send('/v1/traces', JSON.stringify({}), json);
    expect([asJson.status, asJson.type, textOf(asJson)]).toEqual([200, 'application/json', {}]);
    const asProtobuf = await send('/v1/traces', new Uint8Array(), protobuf);
    expect([asProtobuf.status, asProtobuf.type, asProtobuf.bytes.length]).toEqual([200, 'application/x-protobuf', 0]);
    for (const path of ['/v1/logs', '/v1/metrics']) {
      expect((await send(path, '{}', json)).status).toBe(200);
      expect((await send(path, new Uint8Array(), protobuf)).bytes.length).toBe(0);
    }
  });

  it('names a span alike in both encodings: sent in both, the span is stored once', async () => {
    const id = 'a11ce00000000002';
    const body = Buffer.from(JSON.stringify(request(span(id.toUpperCase()), span(id))));
    expect((await send('/v1/traces', gzipSync(body), { ...json, 'Content-Encoding': 'gzip' })).status).toBe(200);
    expect((await send('/v1/traces', binary(id), protobuf)).status).toBe(200);
    expect((await send('/v1/traces', deflateSync(body), { ...json, 'Content-Encoding': 'deflate' })).status).toBe(200);
    const { events } = (await get(`/streams/agent-${traceId}/events`)).body;
    expect(events.filter((event: { id: string }) => event.id === `${traceId}-${id}`)).toHaveLength(1);
  });

  it('may be decompressed already by a gateway that leaves the header', async () => {
    const body = JSON.stringify(request(span('a11ce00000000003')));
    expect((await send('/v1/traces', body, { ...json, 'Content-Encoding': 'gzip' })).status).toBe(200);
  });

  it('is taken in part when some spans cannot be read, and says how many', async () => {
    const broken = [
      span('00'),
      span('0000000000000000'),
      span('zz'),
      span('a11ce00000000009', { startTimeUnixNano: 'noon' }),
    ];
    const body = JSON.stringify(request(...broken, span('a11ce00000000004')));
    const answer = await send('/v1/traces', body, json);
    expect(answer.status).toBe(200);
    expect(textOf(answer)).toEqual({
      partialSuccess: { rejectedSpans: '4', errorMessage: expect.stringContaining('id') },
    });
    await vi.waitFor(async () => expect(await stepsOf(traceId)).toBe(4));
    const { events } = (await get(`/streams/agent-${traceId}/events`)).body;
    expect(events.map(({ id }: { id: string }) => id)).toContain(`${traceId}-a11ce00000000004`);
  });

  it('may have texts that were cut in the middle of a character', async () => {
    const other = '5c0ffee05c0ffee05c0ffee05c0ffee2';
    const attributes = [
      { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } },
      { key: 'gen_ai.completion', value: { stringValue: 'cut \ud83d' } },
    ];
    const answer = await send(
      '/v1/traces',
      JSON.stringify(
        request(
          span('a1', { traceId: 'b2' }),
          span('a11ce00000000001', { traceId: other, name: '\ud83d', attributes }),
        ),
      ),
      json,
    );
    expect(textOf(answer).partialSuccess.rejectedSpans).toBe('1');
    const { events } = (await get(`/streams/agent-${other}/events`)).body;
    expect(events.map(({ data }: { data: { thought?: string } }) => data.thought)).toContain('cut �');
  });

  it.each([
    ['that is not JSON', '{', json],
    ['with a list that is none', '{"resourceSpans":{}}', json],
    ['that is not Protobuf', new Uint8Array([0x0a, 0xff]), protobuf],
    ['that is not gzip', new Uint8Array([0x1f, 0x8b, 1, 2, 3]), { ...protobuf, 'Content-Encoding': 'gzip' }],
  ])(
    '%s is refused with a status of google.rpc in its encoding, and never to be repeated',
    async (_, body, headers) => {
      const answer = await send('/v1/traces', body, headers);
      expect([answer.status, answer.type]).toEqual([400, headers['Content-Type']]);
      const status = answer.type === 'application/json' ? textOf(answer) : fromBinary(StatusSchema, answer.bytes);
      expect(status).toMatchObject({ code: 3, message: expect.stringMatching(/.+/) });
    },
  );

  it('of another type is refused', async () => {
    expect((await send('/v1/traces', 'x', { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await send('/v1/traces', 'x', { ...json, 'Content-Encoding': 'br' })).status).toBe(415);
  });

  it('is limited after decompression', async () => {
    const large = gzipSync(Buffer.alloc(65 * 1024 * 1024, ' '));
    const answer = await send('/v1/traces', large, { ...json, 'Content-Encoding': 'gzip' });
    expect([answer.status, textOf(answer).code]).toEqual([413, 3]);
  });

  it('may come in chunks of any size', async () => {
    const bytes = gzipSync(JSON.stringify(request(span('a11ce00000000005'))));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
        controller.close();
      },
    });
    const headers = { ...json, 'Content-Encoding': 'gzip' };
    const sent = { method: 'POST', body, headers, duplex: 'half' } as RequestInit;
    expect((await fetch(`${url()}/v1/traces`, sent)).status).toBe(200);
  });

  it('of spans of ordinary programs leaves nothing behind', async () => {
    const other = '5c0ffee05c0ffee05c0ffee05c0ffee1';
    const answer = await send(
      '/v1/traces',
      JSON.stringify(request(span('a11ce00000000001', { traceId: other, attributes: [] }))),
      json,
    );
    expect(answer.status).toBe(200);
    expect((await get(`/streams/trace-${other}/events`)).status).toBe(404);
  });

  it('answers a part in Protobuf, too', async () => {
    const id = Buffer.from('aabb', 'hex');
    const spans = [{ traceId: id, spanId: id, endTimeUnixNano: 1n }];
    const message = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans }] }] });
    const body = new Uint8Array(toBinary(ExportTraceServiceRequestSchema, message));
    const { bytes } = await send('/v1/traces', body, protobuf);
    expect(fromBinary(ExportTraceServiceResponseSchema, bytes).partialSuccess?.rejectedSpans).toBe(1n);
  });
});
