import { expect, it, onTestFinished, vi } from 'vitest';
import { startServer } from '../../../bin/serve/server.ts';
import { type TraceEndpoint, traceEndpointOf } from '../../../bin/serve/trace-endpoint.ts';
import { TraceExporter } from '../../../bin/serve/trace-exporter.ts';
import { runAnnals } from '../../support/served-process.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { startCollector } from '../../support/trace-collector.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';

function endpointAt(port: number): TraceEndpoint {
  const endpoint = traceEndpointOf({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20a2V5, x-team = blue',
    OTEL_SERVICE_NAME: 'fleet',
  });
  if (!endpoint) throw new Error('no endpoint');
  return endpoint;
}

function reports() {
  const counts = { sent: 0, dropped: 0 };
  const metrics = {
    count: (_: string, { outcome }: { outcome?: string }, by = 1) => {
      if (outcome === 'sent' || outcome === 'dropped') counts[outcome] += by;
    },
    observe: () => {},
    gauge: () => {},
  };
  return { counts, metrics, logger: { warn: vi.fn(), error: vi.fn() } };
}

const segment = (number: number) => ({
  name: `span ${number}`,
  id: number.toString(16).padStart(16, '0'),
  trace_id: ROOT,
  start_time: 1_700_000_000.000_001,
  end_time: 1_700_000_000.25,
});

async function collector(port?: number) {
  const started = await startCollector(port);
  onTestFinished(() => started.stop());
  return started;
}

it('the trace of a command arrives with its spans under their parents', async () => {
  const { port, spans, requests } = await collector();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const server = await startServer({
    port: 0,
    dataDir: temporaryFolder(),
    logger,
    traceEndpoint: endpointAt(port),
  });
  const post = (path: string, body: object) =>
    fetch(server.url + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-Correlation-Id': 'talk',
        'X-Amzn-Trace-Id': `Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`,
      },
      body: JSON.stringify(body),
    });
  await post('/agents', { agentId: '7', agentType: 'coder', configuration: { key: 'my-secret' }, createdBy: 'me' });
  await post('/agents/7/state', { newState: 'nonsense', reason: 'my-secret' });
  await vi.waitFor(() => expect(spans.map(({ name }) => name)).toContain('annals-relay'));
  await server.close();

  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(['5759e988bd862e3fe1be46a994272793']));
  const named = (name: string) => spans.find((span) => span.name === name);
  const request = named('POST /agents');
  expect(request).toMatchObject({
    kind: 'SERVER',
    parentId: '53995c3f42cd8ad8',
    status: undefined,
    attributes: { route: 'POST /agents', correlation_id: 'talk' },
    resource: { 'service.name': 'fleet', 'service.version': expect.stringMatching(/^\d/) },
  });
  expect(named('storage.put')).toMatchObject({
    kind: 'INTERNAL',
    parentId: request?.id,
    attributes: { stream: 'agent-7' },
  });
  for (const name of ['annals-projector', 'annals-relay']) {
    const attributes = { stream: 'agent-7', event_type: 'agent.created', correlation_id: 'talk', version: 1 };
    expect(named(name)).toMatchObject({ kind: 'CONSUMER', parentId: request?.id, attributes });
  }
  expect(named('POST /agents/{agentId}/state')).toMatchObject({
    status: undefined, // the caller's mistake
    attributes: { 'error.type': 'ValidationError' },
  });
  expect(request?.durationNs).toBeGreaterThan(0n);
  expect(requests[0]).toMatchObject({
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
    authorization: 'Basic a2V5',
    'x-team': 'blue',
    'x-amzn-trace-id': expect.stringMatching(/;Sampled=0$/),
  });
  expect(JSON.stringify(spans, (_, value) => String(value))).not.toContain('my-secret');
  expect(logger.warn).not.toHaveBeenCalled();
});

it('spans arrive when the collector is back; the oldest beyond the bound are dropped and counted', async () => {
  const { port, stop } = await startCollector();
  await stop();
  const { counts, ...told } = reports();
  const exporter = new TraceExporter(endpointAt(port), told);
  for (let number = 1; number <= 10_000; number++) exporter.send(segment(number));
  expect(counts).toEqual({ sent: 0, dropped: 1_808 });
  await vi.waitFor(() => expect(told.logger.warn).toHaveBeenCalled());

  const { spans } = await collector(port);
  await vi.waitFor(() => expect(counts.sent).toBe(8_192));
  expect(spans.map(({ name }) => name)).toEqual(Array.from({ length: 8_192 }, (_, index) => `span ${index + 1_809}`));
  const place = { collector: `http://127.0.0.1:${port}` };
  expect(told.logger.warn.mock.calls).toEqual([
    ['traces do not reach the collector', { ...place, reason: 'ECONNREFUSED' }],
    ['traces reach the collector again', place],
  ]);
  await exporter.close();
});

it.each([429, 502, 503, 504])('an answer of %s is tried again, after the time that it asks for', async (status) => {
  const { port, spans, requests, arrivals, answer } = await collector();
  Object.assign(answer, { status, headers: { 'Retry-After': '1' } });
  const { counts, ...told } = reports();
  const exporter = new TraceExporter(endpointAt(port), told);
  exporter.send(segment(1));
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  answer.status = 200;
  await vi.waitFor(() => expect(spans).toHaveLength(1));
  await exporter.close();
  expect(counts).toEqual({ sent: 1, dropped: 0 });
  const [first = 0, second = 0, ...more] = arrivals;
  expect(second - first).toBeGreaterThan(990);
  expect(more).toEqual([]);
});

it('spans that the collector refuses are dropped, and later spans are sent', async () => {
  const { port, spans, requests, answer } = await collector();
  answer.status = 401;
  const { counts, ...told } = reports();
  const exporter = new TraceExporter(endpointAt(port), told);
  exporter.send(segment(1));
  await vi.waitFor(() => expect(counts.dropped).toBe(1));
  answer.status = 200;
  exporter.send(segment(2));
  await exporter.close();
  expect(spans.map(({ name }) => name)).toEqual(['span 2']);
  expect(requests).toHaveLength(2);
  expect(told.logger.warn.mock.calls[0]?.[1]).toMatchObject({ reason: 'the collector answered 401' });
});

it('closing sends what waits, and gives up a collector that is away', async () => {
  const { port, spans } = await collector();
  const here = reports();
  const exporter = new TraceExporter(endpointAt(port), here);
  for (let number = 1; number <= 600; number++) exporter.send(segment(number));
  await exporter.close();
  expect([spans.length, here.counts]).toEqual([600, { sent: 600, dropped: 0 }]);

  const { port: away, stop } = await startCollector();
  await stop();
  const gone = reports();
  const failing = new TraceExporter(endpointAt(away), gone);
  for (let number = 1; number <= 600; number++) failing.send(segment(number));
  await failing.close();
  await vi.waitFor(() => expect(gone.counts).toEqual({ sent: 0, dropped: 600 }));
});

it('the variables of OpenTelemetry name the endpoint, or are refused without their secrets', () => {
  const urlOf = (env: Record<string, string>) => traceEndpointOf(env)?.url.href;
  const base = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example/otlp?key=1' };
  expect(urlOf({})).toBeUndefined();
  expect(urlOf(base)).toBe('https://collector.example/otlp/v1/traces?key=1');
  expect(urlOf({ ...base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:4318/x' })).toBe('http://other:4318/x');
  expect(urlOf({ ...base, OTEL_TRACES_EXPORTER: 'none' })).toBeUndefined();
  expect(urlOf({ ...base, OTEL_SDK_DISABLED: 'true' })).toBeUndefined();
  expect(traceEndpointOf(base)?.serviceName).toBe('annals');

  for (const url of ['collector:4318', 'ftp://collector', 'http://me:my-secret@collector']) {
    expect(() => traceEndpointOf({ OTEL_EXPORTER_OTLP_ENDPOINT: url })).toThrow(
      'OTEL_EXPORTER_OTLP_ENDPOINT has to be an http or https URL without a password',
    );
  }
  for (const headers of ['my-secret', 'a=%E0%A4%A', 'a b=my-secret', 'a=my%0Asecret']) {
    expect(() => traceEndpointOf({ ...base, OTEL_EXPORTER_OTLP_HEADERS: headers })).toThrow(
      'OTEL_EXPORTER_OTLP_HEADERS has to be a list such as name=value,name=value; change it',
    );
  }
});

it('annals serve reads the variables of its environment', async () => {
  const env = { PORT: '0', ANNALS_DATA: temporaryFolder(), OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'collector:4318' };
  const { code, stderr } = await runAnnals(['serve'], env).finished;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has to be /)]);
});
