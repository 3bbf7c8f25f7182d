import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claudeCodeParts } from '../../../sources/session-files/claude-code.ts';
import { dataOf, jsonLinesOf, readParts, sourceFile, usageOf } from '../../support/source-files.ts';

const SESSION = '5f0c2d1e';
let clock = 0;

/** A line as Claude Code writes it. */
function line(type: string, uuid: string, rest: object): object {
  clock += 1_000;
  const timestamp = new Date(Date.UTC(2026, 10, 3, 9) + clock).toISOString();
  return { type, uuid, sessionId: SESSION, timestamp, cwd: '/p', gitBranch: 'main', version: '2.1.0', ...rest };
}

const usage = (output: number) => ({
  input_tokens: 4,
  output_tokens: output,
  cache_read_input_tokens: 900,
  cache_creation_input_tokens: 12,
});
const says = (uuid: string, id: string, block: object, output = 31, rest: object = {}) =>
  line('assistant', uuid, {
    ...rest,
    message: { id, model: 'm-1', role: 'assistant', content: [block], usage: usage(output) },
  });
const asks = (uuid: string, content: unknown, rest: object = {}) =>
  line('user', uuid, { ...rest, message: { role: 'user', content } });
const result = (id: string, content: unknown, more: object = {}) => [
  { type: 'tool_result', tool_use_id: id, content, ...more },
];
const call = (id: string, name = 'Bash', input: object = { command: 'ls' }) => ({ type: 'tool_use', id, name, input });

function session(): object[] {
  return [
    { type: 'summary', summary: 'Files', leafUuid: 'x' },
    asks('u1', 'List the files'),
    says('a1', 'msg_1', { type: 'thinking', thought: 'x', thinking: 'I should list them', signature: 's' }, 1),
    says('a2', 'msg_1', { type: 'text', text: 'Listing' }, 8),
    says('a3', 'msg_1', call('toolu_1'), 31),
    line('progress', 'p1', { data: { type: 'bash_progress', output: 'a' } }),
    asks('u2', result('toolu_1', 'a.txt'), { toolUseResult: { stdout: 'a.txt', stderr: '' } }),
    says('a4', 'msg_2', call('toolu_2', 'Read', { file_path: 'a.txt' }), 5),
    says('a5', 'msg_2', call('toolu_3', 'Read', { file_path: 'b.txt' }), 5),
    asks('u3', result('toolu_3', [{ type: 'text', text: 'no such file' }], { is_error: true })),
    asks('u4', result('toolu_2', 'hello')),
    { ...says('a6', 'msg_2', call('toolu_3', 'Read', { file_path: 'b.txt' }), 5) },
    says('a7', 'msg_3', { type: 'text', text: 'One is there' }, 7),
    line('system', 's1', { subtype: 'compact_boundary', compactMetadata: { trigger: 'auto', preTokens: 9 } }),
    line('from-the-future', 'f1', { value: 1 }),
    asks('u5', 'Thanks'),
    says('a8', 'msg_4', { type: 'text', text: 'Welcome' }, 2),
  ];
}

const read = (content: string | readonly object[], path = `/h/${SESSION}.jsonl`) =>
  readParts(claudeCodeParts([sourceFile(path, content)], {}));

describe('sessions of Claude Code', () => {
  it('are agents whose messages and tool calls are steps, with the usage of each message once', async () => {
    const told = await read(session());
    expect(told.problems).toEqual([]);
    expect(new Set(told.events.map(({ streamId }) => streamId))).toEqual(new Set([`agent-${SESSION}`]));
    expect(dataOf(told, 'agent.created')).toEqual([
      expect.objectContaining({ agentType: 'claude-code', configuration: expect.objectContaining({ cwd: '/p' }) }),
    ]);
    expect(dataOf(told, 'agent.state-changed')).toMatchObject([{ newState: 'running' }]);
    expect(dataOf(told, 'agent.step-recorded').map(({ action }) => action)).toEqual([
      'prompt',
      'chat m-1',
      'Bash {"command":"ls"}',
      'chat m-1',
      'Read {"file_path":"b.txt"}',
      'Read {"file_path":"a.txt"}',
      'chat m-1',
      'compact',
      'prompt',
      'chat m-1',
    ]);
    const [, first, bash] = dataOf(told, 'agent.step-recorded');
    expect(first.thought).toBe('I should list them\nListing');
    expect(bash).toMatchObject({ observation: 'a.txt', durationMs: 2_000 });
    // The last line of each message counts: 31 + 5 + 7 + 2.
    expect(usageOf(told)).toEqual({ inputTokens: 16, outputTokens: 45, cacheReadTokens: 3600, cacheWriteTokens: 48 });
    expect(told.counts).toEqual({ 'lines of type from-the-future, kept': 1 });
    expect(JSON.stringify(told.events)).toContain('bash_progress');
    expect(told.events[2]?.event.timestamp).toMatch(/^2026-11-03T09:/);
  });

  it('keep sub-agents apart, as children', async () => {
    const prompt = 'Find the bug';
    const main = [
      asks('u1', 'Fix it'),
      says('a1', 'msg_1', call('toolu_1', 'Task', { prompt, subagent_type: 'Explore', description: 'look' })),
      asks('c1', 'Old style', { isSidechain: true, parentUuid: null }),
      says('c2', 'msg_c', { type: 'text', text: 'inline' }, 3, { isSidechain: true, parentUuid: 'c1' }),
      asks('u2', result('toolu_1', 'found'), { toolUseResult: { agentId: 'a77', status: 'completed' } }),
    ];
    const sub = [
      asks('s1', prompt, { isSidechain: true, agentId: 'a77' }),
      says('s2', 'msg_s', { type: 'text', text: 'It is here' }, 9, { isSidechain: true, agentId: 'a77' }),
    ];
    const files = [
      sourceFile(`/h/${SESSION}/subagents/agent-acompact-1.jsonl`, sub),
      sourceFile(`/h/${SESSION}/subagents/agent-a77.jsonl`, sub),
      sourceFile(`/h/${SESSION}.jsonl`, main),
    ];
    const told = await readParts(claudeCodeParts(files, {}));
    expect(dataOf(told, 'agent.created')).toEqual([
      expect.objectContaining({ agentId: SESSION, agentType: 'claude-code' }),
      expect.objectContaining({ agentId: `${SESSION}:c1`, parentId: SESSION }),
      expect.objectContaining({ agentId: `${SESSION}:a77`, parentId: SESSION, agentType: 'Explore' }),
    ]);
    const states = dataOf(told, 'agent.state-changed', `agent-${SESSION}:a77`);
    expect(states.map(({ newState }) => newState)).toEqual(['running', 'stopped']);
    expect(usageOf(told)).toMatchObject({ outputTokens: 31 + 3 + 9 });
    expect(told.counts['files of compaction helpers']).toBe(1);
  });

  it('that begin with a copy of another session do not count it again', async () => {
    const first = [asks('u1', 'One'), says('a1', 'msg_1', { type: 'text', text: 'Yes' }, 5)];
    const copies = first.map((each) => ({ ...each, sessionId: 'b2' }));
    const second = [...copies, { ...says('a2', 'msg_2', { type: 'text', text: 'More' }, 6), sessionId: 'b2' }];
    const told = await readParts(
      claudeCodeParts([sourceFile('/h/b2.jsonl', second), sourceFile(`/h/${SESSION}.jsonl`, first)], {}),
    );
    expect(usageOf(told)).toMatchObject({ outputTokens: 11 });
    expect(told.counts).toEqual({ 'messages copied from another session': 2 });
  });

  it('go on after a broken line, and pass over marks, NUL bytes and a half-written end', async () => {
    const [whole, broken] = [jsonLinesOf(session()).split('\n'), '{"type":"user",'];
    const text = `\uFEFF${whole.slice(0, 3).join('\r\n')}\r\n${broken}\n\0\0\n${whole.slice(3).join('\n')}{"type":"assis`;
    const told = await read(text);
    expect(told.problems).toEqual(['line 4: is no JSON object, so it was left out']);
    expect(dataOf(told, 'agent.step-recorded')).toHaveLength(10);
  });

  it('cut an image that is too large for a request, and keep the step', async () => {
    const image = { type: 'image', source: { type: 'base64', data: 'A'.repeat(4_000_000) } };
    const lines = [
      asks('u1', 'Look'),
      says('a1', 'msg_1', call('toolu_1', 'Read', { file_path: 'x.png' })),
      asks('u2', result('toolu_1', [image]), { toolUseResult: { file: { base64: 'A'.repeat(4_000_000) } } }),
    ];
    const told = await readParts(claudeCodeParts([sourceFile(`/h/${SESSION}.jsonl`, lines, 65_536)], {}));
    const last = told.events.at(-1)?.event;
    expect(last?.data).toMatchObject({ action: 'Read {"file_path":"x.png"}', observation: '[image]' });
    expect(JSON.stringify(last).length).toBeLessThan(100_000);
    expect(last?.metadata?.['shortenedFrom']).toMatch(/^80\d{5} bytes$/);
  });

  it('without times have the time of the file, or of the line before', async () => {
    const bare = { type: 'user', uuid: 'x', sessionId: SESSION, message: { content: 'Hi' } };
    const later = { ...bare, uuid: 'y', timestamp: '2026-11-04T09:00:00Z' };
    const told = await read([bare, later, { ...bare, uuid: 'z' }]);
    const times = told.events.slice(2).map(({ event }) => event.timestamp);
    expect(times).toEqual(['2026-11-03T12:00:00.000Z', '2026-11-04T09:00:00.000Z', '2026-11-04T09:00:00.000Z']);
  });

  it('keep a tool call back until its result comes, and end it at the next prompt', async () => {
    const open = [asks('u1', 'Go'), says('a1', 'msg_1', call('toolu_1'))];
    expect(dataOf(await read(open), 'agent.step-recorded').map(({ action }) => action)).toEqual(['prompt', 'chat m-1']);
    const told = await read([...open, asks('u2', 'Never mind')]);
    expect(dataOf(told, 'agent.step-recorded').map(({ action, observation }) => [action, observation])).toEqual([
      ['prompt', 'Go'],
      ['chat m-1', undefined],
      ['Bash {"command":"ls"}', undefined],
      ['prompt', 'Never mind'],
    ]);
  });

  it('that have grown tell the same events first', async () => {
    const text = jsonLinesOf(session());
    const { events } = await read(text);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), async (cut) => {
        const told = await read(text.slice(0, cut));
        expect(told.events).toEqual(events.slice(0, told.events.length));
        expect(told.problems).toEqual([]);
      }),
    );
  });
});
