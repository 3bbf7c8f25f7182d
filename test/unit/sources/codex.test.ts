import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codexParts } from '../../../sources/session-files/codex.ts';
import { dataOf, jsonLinesOf, readParts, sourceFile, usageOf } from '../../support/source-files.ts';

let clock = 0;
function line(type: string, payload: object, rest: object = {}): object {
  clock += 1_000;
  return { timestamp: new Date(Date.UTC(2026, 10, 3, 9) + clock).toISOString(), type, payload, ...rest };
}
const item = (type: string, payload: object) => line('response_item', { type, ...payload });
const event = (type: string, payload: object = {}) => line('event_msg', { type, ...payload });
const text = (role: string, text: string) =>
  item('message', { role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }] });

const sums = (input: number, cached: number, output: number) => ({
  input_tokens: input,
  cached_input_tokens: cached,
  output_tokens: output,
  reasoning_output_tokens: 5,
  total_tokens: input + output,
});
const tokens = (total: object, last?: object) =>
  event('token_count', { info: { total_token_usage: total, ...(last ? { last_token_usage: last } : {}) } });

const meta = (id: string, more: object = {}) =>
  line('session_meta', { id, cwd: '/p', cli_version: '0.60.0', originator: 'codex_cli', ...more });

function rollout(): object[] {
  return [
    meta('019a-7'),
    text('user', '<environment_context>\n</environment_context>'),
    event('task_started', { turn_id: 't1' }),
    line('turn_context', { turn_id: 't1', model: 'm-1', cwd: '/p' }),
    text('user', 'List'),
    event('user_message', { message: 'List' }),
    item('reasoning', { summary: [{ type: 'summary_text', text: 'Look first' }], encrypted_content: 'x' }),
    item('function_call', { name: 'exec', arguments: '{"cmd":"ls"}', call_id: 'call_1' }),
    event('token_count', { info: null, rate_limits: {} }),
    tokens(sums(900, 800, 20), sums(900, 800, 20)),
    item('function_call_output', {
      call_id: 'call_1',
      output: '{"output":"a.txt","metadata":{"exit_code":0,"duration_seconds":0.5}}',
    }),
    text('assistant', 'There is a.txt'),
    event('agent_message', { message: 'There is a.txt' }),
    tokens(sums(1900, 1700, 50), sums(1000, 900, 30)),
    tokens(sums(1900, 1700, 50), sums(1000, 900, 30)),
    item('web_search_call', { status: 'completed', action: { type: 'search', query: 'x' } }),
    tokens(sums(2000, 1700, 51)),
    line('compacted', { message: 'Short', replacement_history: [{ role: 'user' }] }),
    line('news', { a: 1 }),
    event('task_complete', { turn_id: 't1' }),
  ];
}

const read = (content: string | readonly object[], path = '/h/rollout-2026-11-03T09-00-00-019a-7.jsonl') =>
  readParts(codexParts([sourceFile(path, content)], {}));

describe('rollouts of Codex', () => {
  it('are agents whose answers and tool calls are steps, with each usage once', async () => {
    const told = await read(rollout());
    expect(told.problems).toEqual([]);
    expect(dataOf(told, 'agent.created')).toEqual([
      expect.objectContaining({ agentId: '019a-7', agentType: 'codex', createdBy: 'import' }),
    ]);
    const steps = dataOf(told, 'agent.step-recorded');
    expect(steps.map(({ action, thought, observation }) => [action, thought, observation])).toEqual([
      ['prompt', undefined, 'List'],
      ['chat m-1', 'Look first', undefined],
      ['exec {"cmd":"ls"}', undefined, 'a.txt'],
      ['chat m-1', 'There is a.txt', undefined],
      ['web_search {"type":"search","query":"x"}', undefined, undefined],
      ['chat m-1', undefined, undefined],
      ['compact', undefined, 'Short'],
    ]);
    expect(steps[2].durationMs).toBe(500);
    // The running sum of the last report: 2000 with 1700 cached, 51 out.
    expect(usageOf(told)).toMatchObject({ inputTokens: 300, cacheReadTokens: 1700, outputTokens: 51 });
    expect(dataOf(told, 'agent.state-changed').map(({ newState }) => newState)).toEqual(['running', 'idle']);
    expect(told.counts).toEqual({ 'lines of type news, kept': 1 });
  });

  it('of sub-agents have a parent, and do not count the history of the parent that they begin with', async () => {
    const parent = rollout();
    const moment = '2026-11-03T10:00:00';
    const copied = [meta('child', { parent_thread_id: '019a-7', agent_role: 'explorer' }), ...parent].map(
      (each, n) => ({
        ...each,
        timestamp: `${moment}.${String(n).padStart(3, '0')}Z`,
      }),
    );
    const own = [tokens(sums(2500, 1900, 61), sums(500, 200, 10)), event('task_complete')].map((each, n) => ({
      ...each,
      timestamp: `2026-11-03T10:00:0${n + 3}.000Z`,
    }));
    const told = await read([...copied, ...own]);
    expect(dataOf(told, 'agent.created')).toEqual([
      expect.objectContaining({ agentId: 'child', agentType: 'explorer', parentId: '019a-7' }),
    ]);
    expect(usageOf(told)).toMatchObject({ inputTokens: 300, cacheReadTokens: 200, outputTokens: 10 });
    const numbered = [...copied, ...own].map((each, ordinal) => ({ ...each, ordinal }));
    const first = numbered[0] as unknown as { payload: object };
    first.payload = { ...first.payload, subagent_history_start_ordinal: copied.length };
    expect(usageOf(await read(numbered))).toEqual(usageOf(told));
  });

  it('of older versions have items without a wrapping, and no usage', async () => {
    const told = await read([
      { id: 'old', timestamp: '2025-05-01T10:00:00Z', instructions: null },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { record_type: 'state' },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hello' }] },
    ]);
    expect(dataOf(told, 'agent.created')).toMatchObject([{ agentId: 'old' }]);
    expect(dataOf(told, 'agent.step-recorded').map(({ action }) => action)).toEqual(['prompt', 'chat unknown model']);
  });

  it('keep the last answer back until its usage comes, unless they report none', async () => {
    const start = [meta('x'), line('turn_context', { model: 'm-1' }), text('user', 'Hi'), text('assistant', 'Hello')];
    const actions = async (lines: readonly object[]) =>
      dataOf(await read(lines), 'agent.step-recorded').map(({ action }) => action);
    expect(await actions(start)).toEqual(['prompt', 'chat m-1']);
    const more = [...start, tokens(sums(9, 0, 1), sums(9, 0, 1)), text('assistant', 'More')];
    expect(await actions(more)).toEqual(['prompt', 'chat m-1']);
    expect(await actions([...more, event('task_complete')])).toEqual(['prompt', 'chat m-1', 'chat m-1']);
  });

  it('that have grown tell the same events first', async () => {
    const content = jsonLinesOf(rollout());
    const { events } = await read(content);
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length), async (cut) => {
        const told = await read(content.slice(0, cut));
        expect(told.events).toEqual(events.slice(0, told.events.length));
      }),
    );
  });
});
