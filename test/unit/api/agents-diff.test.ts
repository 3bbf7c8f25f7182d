import { describe, expect, it } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, url } = servedApi();
const client = () => createClient({ url: url() });

interface Step {
  readonly action: string;
  readonly thought?: string;
  readonly observation?: string;
  readonly durationMs?: number;
  readonly usage?: Readonly<Record<string, number>>;
}

/** Makes an agent of these steps. */
async function run(agentId: string, steps: readonly Step[], configuration: object = { n: 1 }) {
  const event = (type: string, data: object) => ({ type, data: { agentId, ...data } });
  const created = event('agent.created', { agentType: 'coder', configuration, createdBy: 'ops' });
  const events = [created, ...steps.map((step) => event('agent.step-recorded', step))];
  for (let n = 0; n < events.length; n += 100) {
    const body = { expectedVersion: n, events: events.slice(n, n + 100) };
    expect((await post(`/streams/agent-${agentId}/events`, body)).status).toBe(201);
  }
}
const diff = (left: string, right: string) => client().agents.diff(left, { with: right });
const kinds = ({ steps }: Awaited<ReturnType<typeof diff>>) => steps.map(({ kind, action }) => `${kind} ${action}`);

describe('two runs', () => {
  it('that differ in nothing but durations, usage and white space are equal', async () => {
    await run('quick', [
      { action: 'edit a.ts', observation: 'ok', durationMs: 3, usage: { inputTokens: 5 } },
      { action: 'test', observation: ' 3 passed\n', durationMs: 0.1 },
    ]);
    await run('slow', [
      { action: 'edit  a.ts\n', observation: 'ok', durationMs: 4_000.25, usage: { inputTokens: 9_000, costUsd: 0.5 } },
      { action: 'test', observation: '3  passed', durationMs: 0.2 },
    ]);
    expect(await diff('quick', 'slow')).toEqual({
      ...{
        agentId: 'quick',
        with: 'slow',
        common: null,
        equal: true,
        aligned: true,
        first: null,
        steps: [],
        next: null,
      },
      counts: { same: 3, changed: 0, added: 0, removed: 0 },
      totals: {
        left: { steps: 2, durationMs: 3.1, usage: { inputTokens: 5 } },
        right: { steps: 2, durationMs: 4_000.45, usage: { inputTokens: 9_000, costUsd: 0.5 } },
      },
    });
  });

  it('are aligned by action: three more steps in front are three added steps', async () => {
    const steps = Array.from({ length: 150 }, (_, n) => ({ action: `do ${n % 40}`, observation: `seen ${n}` }));
    await run('short', steps);
    await run('long', [{ action: 'look' }, { action: 'think' }, { action: 'do 7' }, ...steps]);
    const found = await diff('short', 'long');
    expect(kinds(found)).toEqual(['added look', 'added think', 'added do 7']);
    expect(found.counts).toEqual({ same: 151, changed: 0, added: 3, removed: 0 });
    expect(found.first).toEqual({ step: 2, left: null, right: { agentId: 'long', version: 2 } });
    expect(found.steps[0]).toMatchObject({ left: null, right: { version: 2, event: { data: { action: 'look' } } } });
    expect((await diff('long', 'short')).counts).toEqual({ same: 151, changed: 0, added: 0, removed: 3 });
  });

  it('show the differences of texts and of other members, and only those', async () => {
    const long = (word: string) => `${'line\n'.repeat(3_000)}${word}\n${'line\n'.repeat(3_000)}`;
    await run('one', [
      { action: 'edit the file', observation: 'saved as a.ts' },
      { action: 'cat', observation: long('left') },
      { action: 'run' },
    ]);
    const other = [
      { action: 'edit the folder', observation: 'saved as a.ts' },
      { action: 'cat', observation: long('right') },
      { action: 'run', thought: 'now' },
    ];
    await run('two', other, { n: 2 });
    const { steps: all, counts, first } = await diff('one', 'two');
    const [created, ...steps] = all;
    expect(counts).toEqual({ same: 0, changed: 4, added: 0, removed: 0 });
    expect(first).toEqual({
      ...{ step: 1, left: { agentId: 'one', version: 1 }, right: { agentId: 'two', version: 1 } },
    });
    expect(created?.changes).toEqual([{ member: 'configuration', left: { n: 1 }, right: { n: 2 } }]);
    const both = (text: string) => ({ in: 'both', text });
    expect(steps[0]?.changes).toEqual([
      {
        member: 'action',
        text: [both('edit the '), { in: 'left', text: 'file' }, { in: 'right', text: 'folder' }],
      },
    ]);
    const [start, ...rest] = steps[1]?.changes?.[0]?.text ?? [];
    expect(start?.omitted).toBe(15_000 - 200);
    expect(rest.slice(0, 2)).toEqual([
      { in: 'left', text: 'left\n' },
      { in: 'right', text: 'right\n' },
    ]);
    expect(steps[2]?.changes).toEqual([{ member: 'thought', text: [{ in: 'right', text: 'now' }] }]);
    expect(steps.flatMap(({ left, right }) => [left?.event, right?.event])).toEqual(Array(6).fill(undefined));
    expect(JSON.stringify(steps).length).toBeLessThan(3_000);
  });

  it('are shown in full when asked, page by page, as they were at the first page', async () => {
    await run('left', [{ action: 'a' }, { action: 'b' }, { action: 'c' }]);
    await run('right', [{ action: 'a' }, { action: 'x' }, { action: 'c' }, { action: 'd' }]);
    const whole = await client().agents.diff('left', { with: 'right', full: true });
    expect(kinds(whole)).toEqual(['same agent.created', 'same a', 'changed b', 'same c', 'added d']);
    expect(whole.steps[1]).toMatchObject({ left: { event: { data: { action: 'a' } } }, right: { event: {} } });
    const first = await client().agents.diff('left', { with: 'right', full: true, limit: 2 });
    await client().agents.recordStep('left', { action: 'later' });
    await client().agents.recordStep('right', { action: 'later still' });
    const second = await client().agents.diff('left', { with: 'right', cursor: first.next ?? '' });
    expect([...first.steps, ...second.steps]).toEqual(whole.steps);
    expect(second).toMatchObject({ next: null, counts: whole.counts });
    expect(kinds(await diff('left', 'right'))).toEqual(['changed b', 'changed later', 'added later still']);
  });

  it('have to exist', async () => {
    expect(await get('/agents/left/diff?with=nobody')).toMatchObject({ status: 404 });
    expect(await get('/agents/nobody/diff?with=left')).toMatchObject({ status: 404 });
    expect(await get('/agents/left/diff')).toMatchObject({ status: 422 });
    expect(await get('/agents/left/diff?with=right&full=maybe')).toMatchObject({ status: 422 });
  });
});
