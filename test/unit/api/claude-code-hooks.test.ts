import { beforeAll, describe, expect, it, vi } from 'vitest';
import { claudeCodeHooks } from '../../../api/hooks/claude-code-hooks.ts';
import { createApp } from '../../../api/http/app.ts';
import type { CommandDeps } from '../../../api/http/command.ts';
import { runImport } from '../../../bin/import/run-import.ts';
import { createClient } from '../../../client/client.ts';
import { UnavailableError } from '../../../core/base/errors.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { claudeCodeParts } from '../../../sources/session-files/claude-code.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';
import { servedApi } from '../../support/served-api.ts';
import { sourceFile } from '../../support/source-files.ts';

const api = servedApi();

/** The common members, as code.claude.com/docs/en/hooks shows them. */
const common = (session: string) => ({
  session_id: session,
  transcript_path: `/home/user/.claude/projects/p/${session}.jsonl`,
  cwd: '/home/user/p',
  permission_mode: 'default',
});

const sender =
  (session: string) =>
  (event: string, more: object = {}) =>
    api.post('/hooks/claude-code', { ...common(session), hook_event_name: event, ...more });

const eventsOf = async (agentId: string) => (await api.get(`/streams/agent-${agentId}/events`)).body.events;
const statesOf = async (agentId: string) =>
  (await eventsOf(agentId)).flatMap(({ data }: { data: { newState?: string } }) => data.newState ?? []);
const stepsOf = async (agentId: string) =>
  (await eventsOf(agentId)).flatMap(({ data }: { data: { action?: string } }) => data.action ?? []);

const bash = { tool_name: 'Bash', tool_input: { command: 'npm test' }, tool_use_id: 'toolu_01ABC123' };

describe('a session told by hooks', () => {
  const session = '5f0c0000-0000-4000-8000-000000000001';
  const send = sender(session);
  beforeAll(async () => {
    await send('SessionStart', { source: 'startup', model: 'claude-sonnet-4-6' });
    await send('UserPromptSubmit', { prompt: 'Run the tests', prompt_id: 'p-1' });
    await send('PreToolUse', bash);
    await send('PermissionRequest', { tool_name: 'Bash', tool_input: bash.tool_input, permission_suggestions: [] });
    await send('Notification', { message: 'Claude needs your permission', notification_type: 'permission_prompt' });
    const result = { ...bash, tool_response: { stdout: '12 passed', stderr: '' }, duration_ms: 4187 };
    await send('PostToolUse', result);
    await send('PostToolUse', result);
    await send('SubagentStart', { agent_id: 'a1b2', agent_type: 'Explore' });
    const grep = { tool_name: 'Grep', tool_input: { pattern: 'x' }, tool_use_id: 'toolu_02' };
    await send('PostToolUseFailure', { ...grep, agent_id: 'a1b2', agent_type: 'Explore', error: 'no such file' });
    await send('SubagentStop', { agent_id: 'a1b2', agent_type: 'Explore', last_assistant_message: 'Nothing found' });
    await send('Stop', { stop_hook_active: false, last_assistant_message: 'All pass', background_tasks: [] });
    await send('SessionEnd', { reason: 'prompt_input_exit' });
    await send('PostToolUse', { ...bash, tool_use_id: 'toolu_03', tool_response: 'late' });
  });

  it('is an agent that runs, waits for permission, is idle between turns and stops', async () => {
    expect(await statesOf(session)).toEqual(['running', 'waiting', 'running', 'idle', 'stopped']);
    const waiting = { newState: 'waiting', waitingFor: expect.stringMatching(/^permission for .*npm test/) };
    expect(await eventsOf(session)).toContainEqual(expect.objectContaining({ data: expect.objectContaining(waiting) }));
    await vi.waitFor(async () => {
      const { body } = await api.get(`/agents/${session}`);
      expect(body).toMatchObject({
        agentType: 'claude-code',
        createdBy: 'claude-code',
        configuration: { tool: 'claude-code', cwd: '/home/user/p', model: 'claude-sonnet-4-6' },
        state: 'stopped',
        steps: 3,
        durationMs: 4187,
      });
    });
  });

  it('has a step for each prompt and tool, once', async () => {
    const [prompt, first] = (await eventsOf(session)).filter(
      ({ type }: { type: string }) => type === 'agent.step-recorded',
    );
    expect(prompt.data).toMatchObject({ action: 'prompt', observation: 'Run the tests' });
    expect(first.data).toEqual({
      agentId: session,
      action: 'Bash {"command":"npm test"}',
      observation: '12 passed',
      durationMs: 4187,
    });
  });

  it('has a child for each sub-agent', async () => {
    const child = `${session}:a1b2`;
    expect(await stepsOf(child)).toEqual(['Grep {"pattern":"x"}']);
    await vi.waitFor(async () => {
      const { body } = await api.get(`/agents/${child}`);
      expect(body).toMatchObject({ agentType: 'Explore', parentId: session, state: 'stopped', steps: 1 });
    });
  });
});

it('a resumed session waits for a prompt; a failed turn is failed; work in the background goes on', async () => {
  const session = 'resumed';
  const send = sender(session);
  await send('UserPromptSubmit', { prompt: 'a' });
  await send('Stop', { background_tasks: [{ id: 'b1' }] });
  await send('StopFailure', { error: 'rate_limit' });
  await send('SessionEnd', { reason: 'other' });
  await send('SessionStart', { source: 'resume' });
  await send('UserPromptSubmit', { prompt: 'b' });
  await send('SessionStart', { source: 'compact' });
  expect(await statesOf(session)).toEqual(['running', 'failed', 'stopped', 'idle', 'running']);
  expect(await stepsOf(session)).toEqual(['prompt', 'prompt']);
});

it('hooks that come at the same time all count', async () => {
  const send = sender('parallel');
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  await Promise.all(numbers.map((i) => send('PostToolUse', { ...bash, tool_use_id: `t${i}`, tool_response: `${i}` })));
  expect((await stepsOf('parallel')).length).toBe(20);
  const created = (await eventsOf('parallel')).filter(({ type }: { type: string }) => type === 'agent.created');
  expect(created.length).toBe(1);
});

describe('the answer', () => {
  it('has no members, which would steer the agent, for hooks of any kind', async () => {
    const send = sender('unknown-hooks');
    for (const event of ['FileChanged', 'Notification', 'HookOfTomorrow']) {
      const { status, body } = await send(event, { notification_type: 'auth_success', duration_ms: 'long', prompt: 7 });
      expect([status, body]).toEqual([200, {}]);
    }
  });

  it('is the same when the hook cannot be recorded, which the log tells', async () => {
    const logger = { error: vi.fn() };
    const store = new EventStore(new MemoryCommitStorage(), { catalogue });
    vi.spyOn(store, 'append').mockRejectedValue(new UnavailableError('the storage is away'));
    const app = createApp<CommandDeps>(claudeCodeHooks, { store, aggregates: [], logger });
    const body = JSON.stringify({ ...common('lost'), hook_event_name: 'SessionStart' });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await app.request('/hooks/claude-code', { method: 'POST', body, headers });
    expect([answer.status, await answer.json()]).toEqual([200, {}]);
    expect(logger.error).toHaveBeenCalledOnce();
  });

  it('takes texts that were cut in the middle of a character', async () => {
    const body = String.raw`{"session_id":"cut","hook_event_name":"PostToolUse","tool_use_id":"t1","tool_name":"Read","tool_response":"a\\ud800 \ud83d\ude00 b\ud83d"}`;
    const headers = { 'Content-Type': 'application/json' };
    expect((await fetch(`${api.url()}/hooks/claude-code`, { method: 'POST', body, headers })).status).toBe(200);
    const [step] = (await eventsOf('cut')).filter(({ type }: { type: string }) => type === 'agent.step-recorded');
    expect(step.data.observation).toBe('a\\ud800 😀 b�');
  });

  it('refuses what is no hook', async () => {
    const answers = [
      await api.post('/hooks/claude-code', { hook_event_name: 'Stop' }),
      await api.post('/hooks/claude-code', []),
    ];
    expect(answers.map(({ status }) => status)).toEqual([422, 422]);
  });
});

describe('a session told by several sources', () => {
  const line = (session: string, more: object) =>
    JSON.stringify({ sessionId: session, cwd: '/p', version: '2.1.300', ...more });
  const fileOf = (session: string) =>
    [
      line(session, {
        type: 'user',
        uuid: 'u1',
        promptId: 'p-9',
        timestamp: at(0),
        message: { role: 'user', content: 'List' },
      }),
      line(session, {
        type: 'assistant',
        uuid: 'a2',
        timestamp: at(1),
        requestId: 'req_7',
        message: {
          id: 'msg_7',
          role: 'assistant',
          model: 'm-1',
          content: [{ type: 'text', text: 'I list them' }],
          usage: { input_tokens: 4, output_tokens: 1 },
        },
      }),
      line(session, {
        type: 'assistant',
        uuid: 'a3',
        timestamp: at(1),
        requestId: 'req_7',
        message: {
          id: 'msg_7',
          role: 'assistant',
          model: 'm-1',
          content: [{ type: 'tool_use', id: 'toolu_9', name: 'Bash', input: { command: 'ls' } }],
          usage: { input_tokens: 4, output_tokens: 31 },
        },
      }),
      line(session, {
        type: 'user',
        uuid: 'u2',
        timestamp: at(2),
        message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_9', content: 'a.txt' }] },
      }),
    ].join('\n');
  const at = (second: number) => new Date(Date.UTC(2026, 10, 3, 9, 0, second)).toISOString();

  const hooks = async (session: string) => {
    const send = sender(session);
    await send('SessionStart', { source: 'startup' });
    await send('UserPromptSubmit', { prompt: 'List', prompt_id: 'p-9' });
    const tool = { tool_name: 'Bash', tool_input: { command: 'ls' }, tool_use_id: 'toolu_9' };
    await send('PostToolUse', { ...tool, tool_response: { stdout: 'a.txt' } });
  };
  const telemetry = async (session: string) => {
    const logs = [
      { name: 'user_prompt', 'prompt.id': 'p-9', 'event.sequence': 1 },
      {
        name: 'api_request',
        'prompt.id': 'p-9',
        request_id: 'req_7',
        model: 'm-1',
        input_tokens: 4,
        output_tokens: 31,
      },
      { name: 'tool_result', 'prompt.id': 'p-9', tool_use_id: 'toolu_9', tool_name: 'Bash', success: 'true' },
    ];
    const logRecords = logs.map(({ name, ...attributes }) => ({
      timeUnixNano: '1795831058390000000',
      body: { stringValue: `claude_code.${name}` },
      attributes: Object.entries({ 'session.id': session, ...attributes }).map(([key, value]) => ({
        key,
        value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
      })),
    }));
    const { status } = await api.post('/v1/logs', { resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
    expect(status).toBe(200);
  };
  const imported = (session: string, ...more: string[]) => {
    const file = sourceFile(`/h/${session}.jsonl`, [fileOf(session), ...more].join('\n'));
    return runImport(createClient({ url: api.url() }), claudeCodeParts([file], {}), { concurrency: 1 });
  };
  const done = (session: string) =>
    line(session, {
      type: 'assistant',
      uuid: 'a4',
      timestamp: at(4),
      message: {
        id: 'msg_8',
        role: 'assistant',
        model: 'm-1',
        content: 'Done',
        usage: { input_tokens: 2, output_tokens: 5 },
      },
    });

  it('has each step and each use once by hooks and the file of the session, also when the file grows', async () => {
    const session = 'hooks-and-file';
    await hooks(session);
    await sender(session)('Stop');
    expect((await imported(session)).problems).toEqual([]);
    await hooks(session);
    expect((await imported(session, done(session))).problems).toEqual([]);
    expect((await imported(session, done(session))).events).toBe(0);
    expect(await statesOf(session)).toEqual(['running', 'idle', 'running']);
    const actions = (await stepsOf(session)).map((action: string) => action.split(' ')[0]);
    expect(actions.sort()).toEqual(['Bash', 'chat', 'chat', 'prompt']);
    await vi.waitFor(async () =>
      expect((await api.get(`/agents/${session}`)).body.usage).toEqual({ inputTokens: 6, outputTokens: 36 }),
    );
  });

  it.each([
    ['telemetry first', [hooks, telemetry, imported]],
    ['the file first', [imported, telemetry, hooks]],
    ['the file between', [telemetry, imported, hooks]],
  ])('has each step and each use once by all three: %s', async (name, sources) => {
    const session = `three-${name.replaceAll(' ', '-')}`;
    for (const source of [...sources, ...sources]) {
      const result = await source(session);
      expect(result?.problems ?? []).toEqual([]);
    }
    const actions = (await stepsOf(session)).map((action: string) => action.split(' ')[0]);
    expect(actions.sort()).toEqual(['Bash', 'chat', 'prompt']);
    await vi.waitFor(async () =>
      expect((await api.get(`/agents/${session}`)).body.usage).toEqual({ inputTokens: 4, outputTokens: 31 }),
    );
  });

  it('adds what the file tells of a sub-agent that a hook has stopped, and nothing from after its end', async () => {
    const session = 'stopped-helper';
    await hooks(session);
    await sender(session)('SubagentStop', { agent_id: 'a7', agent_type: 'Explore' });
    const says = (id: string, timestamp: string) =>
      line(session, {
        ...{ type: 'assistant', isSidechain: true, agentId: 'a7', uuid: id, timestamp },
        message: { id, role: 'assistant', model: 'm-1', content: 'Found', usage: { output_tokens: 3 } },
      });
    expect((await imported(session, says('h1', at(3)))).problems).toEqual([]);
    expect(await stepsOf(`${session}:a7`)).toEqual(['chat m-1']);
    const late = await imported(session, says('h1', at(3)), says('h2', '2999-01-01T00:00:00Z'));
    expect(late.problems.join()).toContain('a stopped agent takes no steps');
    await vi.waitFor(async () =>
      expect((await api.get(`/agents/${session}:a7`)).body).toMatchObject({ state: 'stopped', steps: 1 }),
    );
  });

  it('refuses a call of a model that telemetry may have told under another name, and says what to do', async () => {
    const session = 'unnamed-call';
    await telemetry(session);
    const { problems } = await imported(session, done(session));
    expect(problems.join()).toMatch(/would count twice: .* import this file beside it with --prefix file-/);
    expect(await stepsOf(session)).not.toContain('Done');
  });

  it.each([
    ['hooks first', [hooks, telemetry]],
    ['telemetry first', [telemetry, hooks]],
  ])('has each step once by hooks and telemetry: %s', async (name, sources) => {
    const session = `both-${name.replace(' ', '-')}`;
    for (const source of [...sources, ...sources]) await source(session);
    expect((await stepsOf(session)).map((action: string) => action.split(' ')[0]).sort()).toEqual([
      'Bash',
      'chat',
      'prompt',
    ]);
    const created = (await eventsOf(session)).filter(({ type }: { type: string }) => type === 'agent.created');
    expect(created.length).toBe(1);
    await vi.waitFor(async () =>
      expect((await api.get(`/agents/${session}`)).body.usage).toEqual({ inputTokens: 4, outputTokens: 31 }),
    );
  });
});
