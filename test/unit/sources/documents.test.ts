import { describe, expect, it } from 'vitest';
import { atifPart } from '../../../sources/session-files/atif.ts';
import { miniSweAgentPart } from '../../../sources/session-files/mini-swe-agent.ts';
import { openHandsPart } from '../../../sources/session-files/openhands.ts';
import { sweAgentPart } from '../../../sources/session-files/swe-agent.ts';
import { dataOf, readParts, sourceFile, usageOf } from '../../support/source-files.ts';

const json = (path: string, value: unknown) => sourceFile(path, JSON.stringify(value));
const shown = ({ action, thought, observation }: Record<string, unknown>) => [action, thought, observation];

describe('trajectories in ATIF', () => {
  const atif = (more: object = {}) => ({
    schema_version: 'ATIF-v1.7',
    session_id: 'run-9',
    agent: { name: 'demo', version: '1', model_name: 'm-1' },
    steps: [
      { step_id: 1, source: 'user', message: 'List files' },
      { step_id: 2, source: 'agent', message: 'old', is_copied_context: true, metrics: { prompt_tokens: 5000 } },
      {
        step_id: 3,
        source: 'agent',
        timestamp: '2026-11-03T09:00:05',
        message: 'Looking',
        tool_calls: [
          { tool_call_id: 'c1', function_name: 'bash', arguments: { cmd: 'ls' } },
          { tool_call_id: 'c2', function_name: 'bash', arguments: { cmd: 'pwd' } },
        ],
        observation: {
          results: [
            { source_call_id: 'c1', content: 'a.txt' },
            { source_call_id: 'c2', content: [{ type: 'text', text: '/p' }] },
          ],
        },
        metrics: { prompt_tokens: 900, cached_tokens: 800, completion_tokens: 20, cost_usd: 0.001 },
      },
      { step_id: 4, source: 'agent', message: 'Done', metrics: { prompt_tokens: 950, completion_tokens: 5 } },
    ],
    final_metrics: { total_prompt_tokens: 9999, total_cost_usd: 5 },
    ...more,
  });

  it('are agents whose tool calls are steps, with the usage of each step once', async () => {
    const told = await readParts([atifPart(json('/jobs/t/trajectory.json', atif()), 't:trajectory', {})]);
    expect(dataOf(told, 'agent.created')).toMatchObject([{ agentId: 'run-9:t:trajectory', agentType: 'demo' }]);
    expect(dataOf(told, 'agent.step-recorded').map(shown)).toEqual([
      ['prompt', undefined, 'List files'],
      ['bash {"cmd":"ls"}', 'Looking', 'a.txt'],
      ['bash {"cmd":"pwd"}', undefined, '/p'],
      ['chat m-1', 'Done', undefined],
    ]);
    expect(usageOf(told)).toEqual({ inputTokens: 1050, cacheReadTokens: 800, outputTokens: 25, costUsd: 0.001 });
    expect(dataOf(told, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running']);
    expect(told.counts).toEqual({ 'steps copied from another context': 1 });
    expect(told.events.find(({ place }) => place === 'steps[2]')?.event.timestamp).toBe('2026-11-03T09:00:05.000Z');
  });

  it('are named by their id, and hold sub-agents as children', async () => {
    const inner = { ...atif(), trajectory_id: 'sub-1' };
    const whole = atif({ trajectory_id: 'tr-1', subagent_trajectories: [inner] });
    const told = await readParts([atifPart(json('/t.json', whole), 't', {})]);
    expect(dataOf(told, 'agent.created')).toMatchObject([
      { agentId: 'tr-1' },
      { agentId: 'tr-1:sub-1', parentId: 'tr-1' },
    ]);
  });
});

describe('trajectories of mini-swe-agent', () => {
  const messages = [
    { role: 'system', content: 'You are' },
    { role: 'user', content: 'Fix it' },
    {
      role: 'assistant',
      content: 'I look',
      extra: {
        actions: [
          { command: 'ls', tool_call_id: 'c1' },
          { command: 'pwd', tool_call_id: 'c2' },
        ],
        cost: 0.002,
        timestamp: 1795831058.4,
        response: {
          model: 'm-1',
          usage: { prompt_tokens: 100, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 60 } },
        },
      },
    },
    { role: 'tool', tool_call_id: 'c2', content: '/p', extra: { returncode: 0, timestamp: 1795831059.4 } },
    { role: 'tool', tool_call_id: 'c1', content: 'a.txt', extra: { returncode: 0, timestamp: 1795831058.9 } },
    { role: 'exit', content: '', extra: { exit_status: 'Submitted', submission: 'diff --git' } },
  ];
  const info = {
    exit_status: 'Submitted',
    submission: 'diff --git',
    mini_version: '2.4.6',
    model_stats: { instance_cost: 0.002, api_calls: 1 },
  };
  const run = { info, messages, trajectory_format: 'mini-swe-agent-1.1' };

  it('are agents whose actions are steps, with the patch as the result', async () => {
    const told = await readParts([miniSweAgentPart(json('/r/x.traj.json', run), 'r:x')]);
    expect(dataOf(told, 'agent.step-recorded').map(shown)).toEqual([
      ['ls', 'I look', 'a.txt'],
      ['pwd', undefined, '/p'],
      ['result', undefined, 'diff --git'],
    ]);
    expect(usageOf(told)).toEqual({ inputTokens: 40, cacheReadTokens: 60, outputTokens: 7, costUsd: 0.002 });
    expect(dataOf(told, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running', 'stopped']);
    expect(JSON.stringify(told.events)).toContain('You are');
    expect(told.events.at(-2)?.totals).toEqual({ costUsd: 0.002, apiCalls: 1 });
  });

  it('of version 1 have their actions in the text, and a bare list is one that runs', async () => {
    const old = [
      { role: 'system', content: 'You are' },
      { role: 'assistant', content: 'Look\n```bash\nls\n```', timestamp: 1795831058 },
      { role: 'user', content: 'a.txt', timestamp: 1795831060 },
      { role: 'assistant', content: 'Then\n```bash\npwd\n```', timestamp: 1795831061 },
    ];
    const told = await readParts([miniSweAgentPart(json('/r/x.traj.json', old), 'r:x')]);
    expect(dataOf(told, 'agent.step-recorded')).toMatchObject([
      { action: 'ls', observation: 'a.txt', durationMs: 2_000 },
    ]);
    expect(dataOf(told, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running']);
  });
});

describe('trajectories of SWE-agent', () => {
  const history = [
    { role: 'system', content: 'You are', agent: 'main' },
    { role: 'user', content: 'A demonstration', is_demo: true },
    { role: 'user', content: 'Fix it' },
    { role: 'assistant', content: 'DISCUSSION', thought: 'Look', action: 'ls' },
    { role: 'user', content: 'a.txt', message_type: 'observation' },
    { role: 'assistant', content: 'Submit', thought: 'Submit', action: 'submit' },
  ];
  const trajectory = [
    {
      action: 'ls',
      observation: 'a.txt',
      response: 'DISCUSSION',
      thought: 'Look',
      state: '{"a":1}',
      query: history.slice(0, 3),
    },
    { action: 'submit', observation: '', response: 'Submit', thought: 'Submit', state: {}, query: history.slice(0, 5) },
  ];
  const info = {
    exit_status: 'submitted',
    submission: 'diff --git',
    model_stats: { tokens_sent: 10 },
    edited_files30: 'f',
  };

  it('keep all that the file tells', async () => {
    const replay_config = JSON.stringify({ agent: { model: { name: 'm-1' } }, env: { repo: { repo_name: 'r' } } });
    const told = await readParts([
      sweAgentPart(json('/r/x.traj', { trajectory, history, info, replay_config, environment: 'main' }), 'r:x', {
        start: '2026-11-03T09:00:00Z',
      }),
    ]);
    expect(dataOf(told, 'agent.created')).toMatchObject([{ agentType: 'main', configuration: { model: 'm-1' } }]);
    expect(dataOf(told, 'agent.step-recorded').map(({ action }) => action)).toEqual(['ls', 'submit', 'result']);
    const all = JSON.stringify(told.events);
    for (const text of ['A demonstration', 'DISCUSSION', '{\\"a\\":1}', 'edited_files30', 'Fix it'])
      expect(all).toContain(text);
    expect(told.events[0]?.event.timestamp).toBe('2026-11-03T09:00:00.000Z');
    const queries = told.events.map(({ event }) => event.metadata?.['query'] as { messages: unknown[] } | undefined);
    expect(queries.filter(Boolean).map((query) => query?.messages.length)).toEqual([3, 2]);
  });

  it('with only a history have its answers as steps', async () => {
    const told = await readParts([sweAgentPart(json('/r/x.json', { history, info }), 'r:x', {})]);
    expect(dataOf(told, 'agent.step-recorded').map(shown)).toEqual([
      ['ls', 'Look', 'a.txt'],
      ['submit', 'Submit', undefined],
      ['result', undefined, 'diff --git'],
    ]);
    const bare = await readParts([sweAgentPart(json('/r/x.json', history), 'r:x', {})]);
    expect(dataOf(bare, 'agent.step-recorded')).toHaveLength(2);
    expect(dataOf(bare, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running']);
  });
});

describe('conversations of OpenHands', () => {
  const action = (id: string, call: string, response: string) => ({
    kind: 'ActionEvent',
    id,
    timestamp: '2026-11-03T10:00:05.100000',
    source: 'agent',
    thought: [{ type: 'text', text: 'Look' }],
    tool_name: 'terminal',
    tool_call_id: call,
    llm_response_id: response,
    action: { kind: 'TerminalAction', command: 'ls' },
  });
  const events = [
    { kind: 'SystemPromptEvent', id: 'e0', timestamp: '2026-11-03T10:00:00', system_prompt: { text: 'You are' } },
    {
      kind: 'MessageEvent',
      id: 'e1',
      timestamp: '2026-11-03T10:00:01',
      source: 'user',
      llm_message: { role: 'user', content: [{ type: 'text', text: 'Go' }] },
    },
    action('e2', 'c1', 'r1'),
    action('e3', 'c2', 'r1'),
    {
      kind: 'ObservationEvent',
      id: 'e4',
      timestamp: '2026-11-03T10:00:06.100000',
      tool_name: 'terminal',
      tool_call_id: 'c1',
      observation: { content: [{ type: 'text', text: 'a.txt' }] },
    },
    { kind: 'AgentErrorEvent', id: 'e5', timestamp: '2026-11-03T10:00:07', tool_call_id: 'c2', error: 'denied' },
    { kind: 'NewEvent', id: 'e6', timestamp: '2026-11-03T10:00:08' },
    {
      kind: 'MessageEvent',
      id: 'e7',
      timestamp: '2026-11-03T10:00:09',
      source: 'agent',
      llm_response_id: 'r2',
      llm_message: { role: 'assistant', content: 'Done' },
    },
  ];
  const state = {
    id: '0af1',
    execution_status: 'finished',
    agent: { llm: { model: 'm-1' } },
    stats: {
      usage_to_metrics: {
        agent: {
          accumulated_cost: 0.3,
          costs: [{ cost: 0.1 }, { cost: 0.2 }],
          token_usages: [
            { prompt_tokens: 100, cache_read_tokens: 40, completion_tokens: 7, response_id: 'r1' },
            { prompt_tokens: 50, completion_tokens: 3, response_id: 'r2' },
          ],
        },
      },
    },
  };

  it('are agents, with the usage of parallel actions once', async () => {
    const files = events.map((event, n) => json(`/c/events/event-${n}-${event.id}.json`, event));
    const told = await readParts([
      openHandsPart({ path: '/c', state: json('/c/base_state.json', state), events: files }, {}),
    ]);
    expect(dataOf(told, 'agent.created')).toMatchObject([{ agentId: '0af1', agentType: 'openhands' }]);
    expect(dataOf(told, 'agent.step-recorded').map(shown)).toEqual([
      ['prompt', undefined, 'Go'],
      ['terminal {"command":"ls"}', 'Look', 'a.txt'],
      ['terminal {"command":"ls"}', 'Look', 'denied'],
      ['chat m-1', 'Done', undefined],
    ]);
    const { costUsd, ...tokens } = usageOf(told);
    expect(tokens).toEqual({ inputTokens: 110, cacheReadTokens: 40, outputTokens: 10 });
    expect(costUsd).toBeCloseTo(0.3);
    expect(dataOf(told, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running', 'stopped']);
    expect(told.counts).toEqual({ 'events of kind NewEvent, kept': 1 });
  });
});
