import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSources } from '../../../bin/import/read-sources.ts';
import { runImport } from '../../../bin/import/run-import.ts';
import { createClient } from '../../../client/client.ts';
import { XES_COLUMNS } from '../../../sources/process-logs/csv.ts';
import { servedApi } from '../../support/served-api.ts';
import { jsonLinesOf } from '../../support/source-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const { get, commits, url } = servedApi();
const folder = temporaryFolder();

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Imports files and folders of any format. */
async function importPaths(paths: readonly string[], prefix?: string) {
  const options = { workflowType: 'process', columns: XES_COLUMNS, ...(prefix === undefined ? {} : { prefix }) };
  const { parts, problems } = await readSources(paths, options);
  const result = await runImport(createClient({ url: url() }), parts, { concurrency: 4 });
  return { ...result, problems: [...problems, ...result.problems] };
}

const at = (second: number) => new Date(Date.UTC(2026, 10, 3, 9, 0, second)).toISOString();

/** A session of Claude Code with a tool call in each turn. */
const session = jsonLinesOf(
  Array.from({ length: 12 }, (_, turn) => {
    const usage = { input_tokens: 4, output_tokens: turn, cache_read_input_tokens: 9, cache_creation_input_tokens: 1 };
    const line = (uuid: string, type: string, second: number, content: unknown, more: object = {}) => ({
      type,
      uuid: `${uuid}${turn}`,
      sessionId: 's',
      timestamp: at(turn * 5 + second),
      message: { content, ...more },
    });
    const model = { id: `msg_${turn}`, model: 'm-1', usage };
    return [
      line('u', 'user', 0, `Do ${turn}`),
      line('a', 'assistant', 1, [{ type: 'text', text: 'Yes' }], model),
      line('b', 'assistant', 2, [{ type: 'tool_use', id: `t${turn}`, name: 'Bash', input: { n: turn } }], model),
      line('r', 'user', 3, [{ type: 'tool_result', tool_use_id: `t${turn}`, content: 'done' }]),
    ];
  }).flat(),
);

/** The history of an agent and its view, without what differs between two agents. */
async function historyOf(agentId: string) {
  const { events, version } = (await get(`/streams/agent-${agentId}/events`)).body;
  const { body: view } = await get(`/agents/${agentId}?waitFor=${version}`);
  const { agentId: _, ...shown } = view;
  return {
    shown,
    events: events.map(({ type, timestamp, data }: { type: string; timestamp: string; data: { agentId: string } }) => {
      const { agentId: __, ...rest } = data;
      return { type, timestamp, rest };
    }),
  };
}

describe('the import of a file that grows', () => {
  it('gives the history and the view of the whole file, wherever it was cut', async () => {
    expect((await importPaths([write('p/whole.jsonl', session)], 'whole-')).problems).toEqual([]);
    const whole = await historyOf('whole-s');
    expect(whole.events).toHaveLength(2 + 12 * 3);
    expect(whole.shown).toMatchObject({ state: 'running', usage: { inputTokens: 48, outputTokens: 66 } });
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(session.length), { maxLength: 3 }), async (places) => {
        const prefix = `cut${++cuts}-`;
        for (const cut of [...places.toSorted((a, b) => a - b), session.length]) {
          const result = await importPaths([write('p/grows.jsonl', session.slice(0, cut) || '\n')], prefix);
          if (cut > 100) expect(result.problems).toEqual([]);
        }
        expect(await historyOf(`${prefix}s`)).toEqual(whole);
      }),
      { numRuns: 12 },
    );
  });
});

describe('the import of a rollout', () => {
  it('that tells its turns gives each answer its usage, also when it was cut between the two', async () => {
    const rollout = [
      { timestamp: at(0), type: 'session_meta', payload: { id: 'turns' } },
      { timestamp: at(1), type: 'event_msg', payload: { type: 'task_started', turn_id: 't1' } },
      {
        timestamp: at(2),
        type: 'response_item',
        payload: { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Only' }] },
      },
      {
        timestamp: at(3),
        type: 'event_msg',
        payload: { type: 'token_count', info: { last_token_usage: { output_tokens: 5 } } },
      },
      { timestamp: at(4), type: 'event_msg', payload: { type: 'task_complete', turn_id: 't1' } },
    ];
    expect((await importPaths([write('r/cut.jsonl', jsonLinesOf(rollout.slice(0, 3)))])).leftOut).toEqual({
      'calls and answers that wait for the next lines': 1,
    });
    await importPaths([write('r/cut.jsonl', jsonLinesOf(rollout))]);
    const { events, version } = (await get('/streams/agent-turns/events')).body;
    const steps = events.filter(({ type }: { type: string }) => type === 'agent.step-recorded');
    expect(steps).toMatchObject([{ data: { thought: 'Only', usage: { outputTokens: 5 } } }]);
    expect((await get(`/agents/turns?waitFor=${version}`)).body).toMatchObject({ state: 'idle', steps: 1 });
  });

  it('gives late usage to the next answer', async () => {
    const event = (second: number, type: string, payload: object) => ({ timestamp: at(second), type, payload });
    const answer = (second: number, text: string) =>
      event(second, 'response_item', { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] });
    const tokens = (second: number, output_tokens: number) =>
      event(second, 'event_msg', { type: 'token_count', info: { last_token_usage: { output_tokens } } });
    const start = [
      event(0, 'session_meta', { id: 'late' }),
      event(1, 'turn_context', { model: 'm' }),
      answer(2, 'One'),
    ];
    await importPaths([write('r/rollout.jsonl', jsonLinesOf(start))]);
    await importPaths([
      write('r/rollout.jsonl', jsonLinesOf([...start, tokens(3, 5), answer(4, 'Two'), tokens(5, 7)])),
    ]);
    expect((await get('/agents/late?waitFor=4')).body).toMatchObject({ steps: 2, usage: { outputTokens: 12 } });
  });
});

describe('the import of a folder', () => {
  it('finds every format by its content, and writes nothing the second time', async () => {
    write('all/project/s1.jsonl', session.replaceAll('"sessionId":"s"', '"sessionId":"s1"'));
    const rollout = [
      { timestamp: at(0), type: 'session_meta', payload: { id: 'c1' } },
      { timestamp: at(1), type: 'event_msg', payload: { type: 'user_message', message: 'Hi' } },
    ];
    write('all/codex/rollout-1.jsonl.zst', zstdCompressSync(jsonLinesOf(rollout)));
    const steps = [{ step_id: 1, source: 'user', message: 'Hi' }];
    write('all/atif.json', JSON.stringify({ schema_version: 'ATIF-v1.7', trajectory_id: 'tr1', agent: {}, steps }));
    write('all/mini.traj.json', JSON.stringify({ info: {}, messages: [], trajectory_format: 'mini-swe-agent-1.1' }));
    for (const run of ['monday', 'tuesday']) {
      write(`all/${run}/fix-1/fix-1.traj`, JSON.stringify({ trajectory: [{ action: run }] }));
    }
    write('all/hands/base_state.json', JSON.stringify({ id: 'o1', execution_status: 'paused' }));
    write('all/hands/events/event-00000-e.json', JSON.stringify({ kind: 'MessageEvent', id: 'e', timestamp: at(0) }));
    write('all/one/log.xes', '<log><trace><event><string key="concept:name" value="a"/></event></trace></log>');
    for (const place of ['one', 'two']) {
      write(`all/${place}/cases.csv`, `case:concept:name,concept:name,time:timestamp\n7,${place},${at(0)}\n`);
    }
    write('all/package.json', '{"name":"x"}');

    const first = await importPaths([join(folder, 'all')]);
    expect(first.problems).toEqual([]);
    const agents = ['s1', 'c1', 'tr1', 'all:mini', 'monday:fix-1', 'tuesday:fix-1', 'o1'];
    const states = await Promise.all(
      agents.map(async (id) => {
        const { version } = (await get(`/streams/agent-${id}/events?limit=1`)).body;
        return (await get(`/agents/${id}?waitFor=${version}`)).body.state;
      }),
    );
    expect(states).toEqual(['running', 'running', 'running', 'running', 'running', 'running', 'waiting']);
    for (const id of ['one:log:trace-1', 'one:cases:7', 'two:cases:7']) {
      const [stream] = (await get(`/streams?prefix=workflow-${id}`)).body.streams;
      expect([id, stream]).toEqual([id, expect.anything()]);
    }

    const before = commits();
    const again = await importPaths([join(folder, 'all')]);
    expect([again.events, again.repeated, again.streams]).toEqual([0, first.events, first.streams]);
    expect(commits()).toBe(before);

    write('all/hands/base_state.json', JSON.stringify({ id: 'o1', execution_status: 'finished' }));
    expect((await importPaths([join(folder, 'all/hands')])).events).toBe(1);
    expect((await get('/agents/o1?waitFor=5')).body.state).toBe('stopped');
  });
});
