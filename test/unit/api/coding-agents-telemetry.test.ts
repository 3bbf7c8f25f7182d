import { describe, expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

type Values = Readonly<Record<string, string | number | boolean>>;

const attributesOf = (values: Values) =>
  Object.entries(values).map(([key, value]) => ({
    key,
    value:
      typeof value === 'number'
        ? { doubleValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : { stringValue: value },
  }));

const nanos = (second: number) => `${1_795_831_058 + second}000000000`;
const resourceOf = (service: string) => ({ attributes: attributesOf({ 'service.name': service }) });

const sendLogs = async (service: string, logRecords: readonly object[]) =>
  expect(
    (await post('/v1/logs', { resourceLogs: [{ resource: resourceOf(service), scopeLogs: [{ logRecords }] }] })).status,
  ).toBe(200);
const sendSpans = async (spans: readonly object[]) =>
  expect(
    (await post('/v1/traces', { resourceSpans: [{ resource: resourceOf('claude-code'), scopeSpans: [{ spans }] }] }))
      .status,
  ).toBe(200);

const hook = (session: string, event: string, more: object) =>
  post('/hooks/claude-code', { session_id: session, hook_event_name: event, ...more });

// Records and spans as Claude Code 2.1.332 sends them; members that are not read are left out.

const log = (session: string, name: string, second: number, more: Values = {}) => ({
  timeUnixNano: nanos(second),
  body: { stringValue: `claude_code.${name}` },
  attributes: attributesOf({ 'event.name': name, 'session.id': session, 'event.sequence': second, ...more }),
});

const call = { model: 'm-1', input_tokens: 100, output_tokens: 10, cache_read_tokens: 20, duration_ms: 41 };
const helper = { agent_id: 'a39c5cdf7f90c5221' };
const logsOf = (session: string) => [
  log(session, 'user_prompt', 1, { 'prompt.id': 'p1', prompt: '<REDACTED>' }),
  log(session, 'api_request', 2, { ...call, request_id: 'r1', cost_usd: 0.00060825, cost_usd_micros: 608 }),
  log(session, 'assistant_response', 2, { request_id: 'r1', response: '<REDACTED>' }),
  log(session, 'tool_result', 3, { tool_name: 'Agent', tool_use_id: 't1', success: 'true', duration_ms: '10' }),
  log(session, 'tool_result', 4, {
    tool_name: 'Bash',
    tool_use_id: 't2',
    success: 'true',
    duration_ms: '6',
    ...helper,
  }),
  log(session, 'api_request', 5, {
    ...call,
    request_id: 'r2',
    'agent.name': 'Explore',
    cost_usd: 0.00066225,
    cost_usd_micros: 662,
    ...helper,
  }),
  log(session, 'subagent_completed', 6, { agent_type: 'Explore', ...helper }),
];

const span = (session: string, id: string, second: number, type: string, more: Values) => ({
  traceId: '5c0ffee05c0ffee05c0ffee05c0ffee0',
  spanId: id,
  parentSpanId: 'a11ce0000000b0b1',
  name: `claude_code.${type}`,
  startTimeUnixNano: nanos(second),
  endTimeUnixNano: nanos(second),
  attributes: attributesOf({ 'session.id': session, 'span.type': type, ...more }),
  events: [{ name: 'tool.output', timeUnixNano: nanos(second), attributes: attributesOf({ output: 'a.txt' }) }],
});
const spansOf = (session: string) => [
  span(session, 'a11ce0000000b0b2', 2, 'llm_request', { ...call, request_id: 'r1', 'gen_ai.operation.name': 'chat' }),
  span(session, 'a11ce0000000b0b3', 3, 'tool', { tool_name: 'Agent', tool_use_id: 't1', duration_ms: 10 }),
  span(session, 'a11ce0000000b0b4', 4, 'tool', { tool_name: 'Bash', tool_use_id: 't2', duration_ms: 6, ...helper }),
  span(session, 'a11ce0000000b0b5', 5, 'llm_request', {
    ...call,
    request_id: 'r2',
    query_source_safe: 'agent.builtin.Explore',
    ...helper,
  }),
  span(session, 'a11ce0000000b0b6', 5, 'tool.execution', { tool_use_id: 't2' }),
  {
    ...span(session, 'a11ce0000000b0b1', 6, 'interaction', { 'gen_ai.operation.name': 'invoke_agent' }),
    parentSpanId: '',
  },
];
const hooksOf = async (session: string) => {
  const agent = { agent_id: helper.agent_id, agent_type: 'Explore' };
  await hook(session, 'UserPromptSubmit', { prompt: 'go', prompt_id: 'p1' });
  await hook(session, 'SubagentStart', agent);
  const response = { tool_response: { stdout: 'a.txt' } };
  await hook(session, 'PostToolUse', { ...agent, ...response, tool_name: 'Bash', tool_use_id: 't2', duration_ms: 6 });
  await hook(session, 'PostToolUse', { ...response, tool_name: 'Agent', tool_use_id: 't1', duration_ms: 10 });
  await hook(session, 'SubagentStop', agent);
};

const used = { inputTokens: 100, outputTokens: 10, cacheReadTokens: 20 };
const isAgent = (id: string, truth: object) =>
  vi.waitFor(async () => expect((await get(`/agents/${id}`)).body).toMatchObject(truth));

describe('a session of Claude Code with a sub-agent', () => {
  const sources = {
    logs: (session: string) => sendLogs('claude-code', logsOf(session)),
    spans: (session: string) => sendSpans(spansOf(session)),
    hooks: hooksOf,
  };
  it.each<[...(keyof typeof sources)[]]>([
    ['logs'],
    ['hooks', 'logs'],
    ['logs', 'hooks'],
    ['spans', 'logs'],
    ['logs', 'spans'],
    ['spans', 'hooks', 'logs', 'spans'],
  ])('is two agents with each step, use and cost once, by %s %s %s %s', async (...names) => {
    const session = `whole-${names.filter(Boolean).join('-')}`;
    for (const name of [...names, ...names]) if (name) await sources[name](session);
    await isAgent(session, {
      agentType: 'claude-code',
      steps: 3,
      durationMs: 51,
      usage: { ...used, costUsd: 0.000608 },
    });
    await isAgent(`${session}:${helper.agent_id}`, {
      agentType: 'Explore',
      parentId: session,
      state: 'stopped',
      steps: 2,
      durationMs: 47,
      usage: { ...used, costUsd: 0.000662 },
    });
    const { agents } = (await get(`/agents?parentId=${session}`)).body;
    expect(agents).toHaveLength(1);
    expect(JSON.stringify((await get(`/streams/agent-${session}/events`)).body)).not.toContain('REDACTED');
  });

  it('shows by its spans alone', async () => {
    await sources.spans('spans-alone');
    await sources.spans('spans-alone');
    await isAgent('spans-alone', { agentType: 'claude-code', steps: 2, durationMs: 51, usage: used });
    const child = `spans-alone:${helper.agent_id}`;
    await isAgent(child, { parentId: 'spans-alone', steps: 2, usage: used });
    const { events } = (await get(`/streams/agent-${child}/events`)).body;
    expect(events.map(({ data }: { data: { observation?: string } }) => data.observation)).toContain('a.txt');
  });
});

describe('a conversation of Codex', () => {
  // Records of codex 0.171: its logger writes a place in its source as the name of the event.
  const record = (name: string, second: number, more: Values = {}) => ({
    timeUnixNano: nanos(second),
    eventName: 'event otel/src/events/session_telemetry.rs:737',
    attributes: attributesOf({ 'event.name': `codex.${name}`, 'conversation.id': 'codex-171', model: 'm-3', ...more }),
  });

  it('has each answer once, although its end is told twice', async () => {
    const end = { 'event.kind': 'response.completed', duration_ms: '0' };
    const tokens = { input_token_count: '1001', output_token_count: '31', cached_token_count: 200 };
    const more = { cache_write_token_count: 1, reasoning_token_count: 6, tool_token_count: '1032' };
    const records = [
      record('conversation_starts', 1, { provider_name: 'example' }),
      record('startup_phase', 1),
      record('user_prompt', 2, { prompt: '[REDACTED]' }),
      record('sse_event', 3, { ...end, 'event.kind': 'response.created' }),
      record('sse_event', 3, end),
      record('sse_event', 3, { ...end, ...tokens, ...more }),
      record('tool_decision', 4, { tool_name: 'exec_command', call_id: 'call_1', decision: 'approved' }),
      record('tool_result', 5, { tool_name: 'exec_command', call_id: 'call_1', output: 'a.txt', duration_ms: '110' }),
    ];
    await sendLogs('codex_exec', records);
    await sendLogs('codex_exec', records);
    await isAgent('codex-171', {
      agentType: 'codex',
      steps: 4,
      usage: { inputTokens: 800, cacheReadTokens: 200, cacheWriteTokens: 1, outputTokens: 31, reasoningTokens: 6 },
      lastAction: 'exec_command',
    });
  });
});
