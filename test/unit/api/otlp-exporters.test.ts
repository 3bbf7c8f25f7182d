import { type Attributes, context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtoLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BasicTracerProvider, BatchSpanProcessor, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, url } = servedApi();

const exporters = [
  ['JSON', JsonTraceExporter, JsonLogExporter],
  ['Protobuf', ProtoTraceExporter, ProtoLogExporter],
] as const;

const compression = 'gzip' as never; // the enum of the exporters is in a package of their own

/** Every start and every end has a millisecond of its own. */
let clock = Date.now();

/** Runs a span around work. */
function spanned<T>(
  tracer: Tracer,
  name: string,
  attributes: Attributes,
  parent: Span | undefined,
  work: (span: Span) => T,
): T {
  const around = parent ? trace.setSpan(context.active(), parent) : context.active();
  const span = tracer.startSpan(name, { attributes, startTime: ++clock }, around);
  try {
    return work(span);
  } finally {
    span.end(++clock);
  }
}

const genAi = (operation: string, more: Attributes = {}): Attributes => ({
  'gen_ai.operation.name': operation,
  ...more,
});

/** An agent that calls a model and another agent, as the GenAI conventions tell it. @returns the truth */
function run(tracer: Tracer, conversation: string) {
  const usage = (input: number, cached: number, output: number) => ({
    'gen_ai.provider.name': 'example',
    'gen_ai.request.model': 'small-1',
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.cache_read.input_tokens': cached,
    'gen_ai.usage.output_tokens': output,
  });
  const answer = JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: 'I look first' }] }]);
  const agent = genAi('invoke_agent', {
    'gen_ai.agent.name': 'planner',
    'gen_ai.conversation.id': conversation,
    ...usage(1500, 700, 50),
  });
  spanned(tracer, 'invoke_agent planner', agent, undefined, (planner) => {
    spanned(
      tracer,
      'chat',
      genAi('chat', { ...usage(1000, 700, 20), 'gen_ai.output.messages': answer }),
      planner,
      () => {},
    );
    const tool = {
      'gen_ai.tool.name': 'ls',
      'gen_ai.tool.call.arguments': '{"path":"."}',
      'gen_ai.tool.call.result': 'a.txt',
    };
    spanned(tracer, 'execute_tool ls', genAi('execute_tool', tool), planner, () => {});
    spanned(tracer, 'GET /', { 'http.request.method': 'GET' }, planner, (request) => {
      spanned(
        tracer,
        'invoke_agent critic',
        genAi('invoke_agent', { 'gen_ai.agent.name': 'critic' }),
        request,
        (critic) => {
          spanned(tracer, 'chat', genAi('chat', usage(500, 0, 30)), critic, () => {});
          spanned(tracer, 'execute_tool rm', genAi('execute_tool', { 'gen_ai.tool.name': 'rm' }), critic, (span) => {
            span.setStatus({ code: SpanStatusCode.ERROR, message: 'not allowed' });
          });
          critic.setStatus({ code: SpanStatusCode.ERROR, message: 'gave up' });
        },
      );
    });
  });
}

const agentOf = async (agentId: string, expected: object) =>
  vi.waitFor(async () => expect((await get(`/agents/${agentId}`)).body).toMatchObject(expected));

describe.each(exporters)('the exporter for %s', (encoding, TraceExporter, LogExporter) => {
  it.each(['whole batches', 'single spans'])('sends a run of agents in %s', async (how) => {
    const conversation = `${encoding} ${how}`.replaceAll(' ', '-');
    const exporter = new TraceExporter({ url: `${url()}/v1/traces`, compression });
    const processor = how === 'whole batches' ? new BatchSpanProcessor(exporter) : new SimpleSpanProcessor(exporter);
    const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.version': '1.2' });
    const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
    run(provider.getTracer('test'), conversation);
    await provider.shutdown();
    await agentOf(conversation, {
      agentType: 'planner',
      state: 'stopped',
      steps: 2,
      usage: { inputTokens: 300, cacheReadTokens: 700, outputTokens: 20 },
      configuration: { service: 'shop', serviceVersion: '1.2', provider: 'example', model: 'small-1' },
      lastAction: 'ls {"path":"."}',
    });
    await agentOf(`${conversation}:critic`, {
      agentType: 'critic',
      parentId: conversation,
      state: 'failed',
      reason: 'gave up',
      steps: 2,
      usage: { inputTokens: 500, outputTokens: 30 },
      lastAction: 'rm',
    });
    const { body } = await get(`/streams/agent-${conversation}/events`);
    const steps = body.events.filter(({ type }: { type: string }) => type === 'agent.step-recorded');
    expect(steps.map(({ data }: { data: object }) => data)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'chat small-1', thought: 'I look first' }),
        expect.objectContaining({ action: 'ls {"path":"."}', observation: 'a.txt' }),
      ]),
    );
    expect((await get(`/agents?parentId=${conversation}`)).body.agents).toHaveLength(1);
  });

  it('sends the logs of Claude Code', async () => {
    const session = `claude-${encoding}`;
    const exporter = new LogExporter({ url: `${url()}/v1/logs`, compression });
    const resource = resourceFromAttributes({ 'service.name': 'claude-code', 'service.version': '2.1.300' });
    const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] });
    const logger = provider.getLogger('com.anthropic.claude_code.events');
    const log = (name: string, sequence: number, attributes: Attributes) =>
      logger.emit({
        body: `claude_code.${name}`,
        attributes: { 'event.name': name, 'session.id': session, 'event.sequence': sequence, ...attributes },
      });
    log('user_prompt', 1, { prompt: 'fix the test', prompt_length: 12 });
    const tokens = { input_tokens: '4', output_tokens: 31, cache_read_tokens: 900, cache_creation_tokens: 12 };
    log('api_request', 2, {
      model: 'm-1',
      request_id: 'req_1',
      duration_ms: 700,
      cost_usd: 0.0021,
      cost_usd_micros: 2100,
      ...tokens,
    });
    log('tool_result', 3, {
      tool_name: 'Bash',
      tool_use_id: 't1',
      success: 'false',
      error: 'exit 1',
      duration_ms: '41',
    });
    log('api_request', 4, {
      model: 'm-2',
      request_id: 'req_2',
      'agent.name': 'explorer',
      cost_usd_micros: 50,
      input_tokens: 7,
    });
    log('tool_decision', 5, { tool_name: 'Bash', tool_use_id: 't2', decision: 'accept', source: 'config' });
    await provider.shutdown();
    await agentOf(session, {
      agentType: 'claude-code',
      state: 'running',
      steps: 3,
      durationMs: 741,
      usage: { inputTokens: 4, outputTokens: 31, cacheReadTokens: 900, cacheWriteTokens: 12, costUsd: 0.0021 },
    });
    await agentOf(`${session}:explorer`, { parentId: session, steps: 1, usage: { inputTokens: 7, costUsd: 0.00005 } });
  });

  it('sends the logs and the spans of Codex, whose tokens count once', async () => {
    const conversation = `codex-${encoding}`;
    const resource = resourceFromAttributes({ 'service.name': 'codex_cli_rs' });
    const logs = new LoggerProvider({
      resource,
      processors: [new BatchLogRecordProcessor({ exporter: new LogExporter({ url: `${url()}/v1/logs` }) })],
    });
    const log = (name: string, attributes: Attributes) =>
      logs.getLogger('codex').emit({
        attributes: { 'event.name': `codex.${name}`, 'conversation.id': conversation, model: 'm-3', ...attributes },
      });
    log('conversation_starts', { provider_name: 'example' });
    log('user_prompt', { prompt: '[REDACTED]', prompt_length: '12' });
    log('sse_event', { 'event.kind': 'response.created', duration_ms: '3' });
    const tokens = {
      input_token_count: '900',
      output_token_count: '20',
      cached_token_count: 800,
      reasoning_token_count: 5,
    };
    log('sse_event', { 'event.kind': 'response.completed', ...tokens, tool_token_count: '920' });
    log('tool_result', {
      tool_name: 'shell',
      call_id: 'c1',
      arguments: '{"cmd":"ls"}',
      success: 'true',
      output: 'a.txt',
      duration_ms: '5',
    });
    await logs.shutdown();
    const exporter = new TraceExporter({ url: `${url()}/v1/traces` });
    const spans = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
    const used = { 'gen_ai.usage.input_tokens': 900, 'gen_ai.usage.output_tokens': 20, 'gen_ai.request.model': 'm-3' };
    spanned(spans.getTracer('codex'), 'response', { 'conversation.id': conversation, ...used }, undefined, () => {});
    await spans.shutdown();
    await agentOf(conversation, {
      agentType: 'codex',
      steps: 4,
      usage: { inputTokens: 100, cacheReadTokens: 800, outputTokens: 20, reasoningTokens: 5 },
      lastAction: 'shell {"cmd":"ls"}',
    });
    expect((await get('/agents?agentType=codex_cli_rs')).body.agents).toEqual([]);
  });
});
