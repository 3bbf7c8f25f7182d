import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, url } = servedApi();
const agent = { agentType: 'coder', configuration: {}, createdBy: 'me' };
const step = (action: string) => ({ action, usage: { tokens: 1 } });

describe('a projection at a time in the past', () => {
  let at: string;
  beforeAll(async () => {
    for (const agentId of ['b', 'a', 'c']) await post('/agents', { ...agent, agentId });
    await post('/agents/a/steps', step('one'));
    const { events } = (await get('/streams/agent-a/events?direction=backward&limit=1')).body;
    at = events[0].metadata.recordedAt;
    await delay(5); // the next events get a later millisecond
    await post('/agents/a/steps', step('two'));
    await post('/agents', { ...agent, agentId: 'later' });
    await get('/agents/a?waitFor=3');
  });

  it('has every view as of that time, and no later view', async () => {
    await expect.poll(async () => (await get('/events?type=agent.created')).body.events.length).toBe(4);
    const { status, body } = await get(`/projections/agent-status?at=${at}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ projection: 'agent-status', at, next: null });
    expect(body.views.map(({ key }: { key: string }) => key)).toEqual(['a', 'b', 'c']);
    for (const { key, version, view } of body.views) {
      expect({ ...view, version }).toEqual((await get(`/agents/${key}?at=${at}`)).body);
    }
    expect(body.views[0]).toMatchObject({ version: 2, view: { steps: 1, lastAction: 'one' } });
    expect((await get('/agents/a')).body).toMatchObject({ steps: 2 });
  });

  it('comes in pages, and is empty before all events', async () => {
    const first = (await get(`/projections/agent-status?at=${at}&limit=2`)).body;
    const second = (await get(`/projections/agent-status?at=${at}&limit=2&cursor=${first.next}`)).body;
    expect([...first.views, ...second.views].map(({ key }) => key)).toEqual(['a', 'b', 'c']);
    expect(second.next).toBeNull();
    expect((await get('/projections/agent-status?at=2020-01-01T00:00:00Z')).body.views).toEqual([]);
    expect((await get('/projections/none?at=2020-01-01T00:00:00Z')).status).toBe(404);
    expect((await get('/projections/agent-status')).status).toBe(422);
  });

  it('goes by the time at which events happened, or by the time at which they were recorded', async () => {
    const event = (minute: number, type: string, data: object) => {
      return { type, timestamp: `2020-02-02T10:0${minute}:00Z`, data: { agentId: 'imported', ...data } };
    };
    const events = [
      event(0, 'agent.created', agent),
      event(5, 'agent.step-recorded', { action: 'second' }),
      event(3, 'agent.step-recorded', { action: 'first' }),
    ];
    expect((await post('/streams/agent-imported/events', { expectedVersion: 0, events })).status).toBe(201);
    await get('/agents/imported?waitFor=3');
    const client = createClient({ url: url() });
    const at = '2020-02-02T10:04:00Z';
    expect(await client.agents.get('imported', { at })).toMatchObject({ version: 3, steps: 1, lastAction: 'first' });
    const views = async (clock?: 'happened' | 'recorded') =>
      (await client.projectionAt('agent-status', { at, clock })).views.map(({ key, version }) => [key, version]);
    await expect.poll(() => views()).toEqual([['imported', 3]]);
    expect((await get(`/projections/fleet-overview/all?at=${at}`)).body).toMatchObject({ stepsByType: { coder: 1 } });
    expect(await views('recorded')).toEqual([]);
    expect(await get(`/agents/imported?at=${at}&clock=recorded`)).toMatchObject({ status: 404 });
    expect(await get(`/projections/fleet-overview/all?at=${at}&clock=recorded`)).toMatchObject({ status: 404 });
    expect(await get(`/agents/imported?at=${at}&clock=wrong`)).toMatchObject({ status: 422 });
    const hours = async (query: string) => (await get(`/projections/fleet-overview/${query}`)).body;
    await expect
      .poll(() => hours('2020-02-02'))
      .toEqual({
        '10': { 'agent.created': 1, 'agent.step-recorded': 2 },
        steps: 2,
      });
    expect(await get('/projections/fleet-overview/2020-02-02?clock=recorded')).toMatchObject({ status: 404 });
    const today = await hours(`${new Date().toISOString().slice(0, 10)}?clock=recorded`);
    const recorded = (await client.readLog({ types: ['agent.created', 'agent.step-recorded'] })).events.length;
    const sum = Object.values<Record<string, number>>(today).flatMap((types) => Object.values(types));
    expect(sum.reduce((total, n) => total + n, 0)).toBe(recorded);
    const range = { from: '2020-02-02T10:03:00Z', to: '2020-02-02T10:05:00Z' };
    const happened = await client.readLog({ ...range, clock: 'happened' });
    expect(happened.events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([2, 3]);
    expect((await client.readLog(range)).events).toEqual([]);
  });

  it('is printed for one stream with its later steps and changes', async () => {
    const travel = (...options: string[]) =>
      promisify(execFile)(process.execPath, ['bin/annals.ts', 'travel', ...options, '--url', url()], {
        env: { ...process.env, FORCE_COLOR: '1' },
      });
    const { stdout } = await travel('agent-a', '--at', at);
    expect(stdout).toContain(`agent-a at ${at}: version 2`);
    expect(stdout).toContain('from there to now: version 3');
    expect(stdout).toContain('\u001b[31m-   "lastAction": "one"');
    expect(stdout).toContain('\u001b[32m+   "lastAction": "two"');
    expect(stdout).toMatch(/^ {5}3 {2}20\S+Z {2}agent\.step-recorded {2}two$/m);
    const json = async (...options: string[]) => JSON.parse((await travel(...options, '--json')).stdout);
    const actions = ({ steps }: { steps: { data: { action: string } }[] }) => steps.map(({ data }) => data.action);
    const imported = await json('agent-imported', '--at', '2020-02-02T10:04:00Z');
    expect([actions(imported), imported.now.steps, imported.more]).toEqual([['second'], 2, false]);
    const versions = await json('agent-imported', '--to-version', '1', '--until-version', '3', '--steps', '1');
    expect([actions(versions), versions.more]).toEqual([['second'], true]);
    const times = ['--at', '2020-02-02T10:00:00Z', '--until', '2020-02-02T10:03:00Z'];
    expect(actions(await json('agent-imported', ...times))).toEqual(['first']);
    await expect(travel('agent-none', '--to-version', '1')).rejects.toMatchObject({ code: 1 });
    await expect(travel('agent-a')).rejects.toThrow('name the moment');
  });
});

describe('a fork', () => {
  const client = () => createClient({ url: url() });
  beforeAll(async () => {
    await client().agents.create({ ...agent, agentId: 'p' });
    for (const action of ['plan', 'edit', 'test']) await client().agents.recordStep('p', step(action));
    await client().agents.changeState('p', { newState: 'running', reason: 'go' });
  });

  it('continues from a version of its parent, and shares the events before it', async () => {
    const answer = await client().agents.fork('p', { atVersion: 3, agentId: 'q' });
    expect(answer).toEqual({ agentId: 'q', parentId: 'p', atVersion: 3, version: 1, repeated: false });
    await client().agents.recordStep('q', step('rewrite'));
    expect(await client().agents.get('q', { waitFor: 2 })).toMatchObject({
      ...{ agentId: 'q', state: 'created', steps: 3, lastAction: 'rewrite', usage: { tokens: 3 }, version: 2 },
      forkedFrom: { agentId: 'p', version: 3 },
    });
    expect(await client().agents.get('q', { version: 1 })).toMatchObject({ steps: 2, lastAction: 'edit' });
    expect(await client().agents.get('p', { waitFor: 5 })).toMatchObject({ steps: 3, lastAction: 'test' });
    expect((await client().readStream('agent-q')).events).toHaveLength(2);
  });

  it('can be forked, and starts in the state of its parent', async () => {
    await client().agents.fork('p', { atVersion: 5, agentId: 'r' });
    await client().agents.fork('r', { atVersion: 1, agentId: 's' });
    expect((await client().agents.changeState('s', { newState: 'running', reason: 'x' })).version).toBe(1); // already in this state
    expect(await client().agents.get('s', { waitFor: 1 })).toMatchObject({ state: 'running', steps: 3, agentId: 's' });
  });

  it('is compared with its parent and with other forks, after their last common version', async () => {
    await client().agents.fork('p', { atVersion: 2, agentId: 't' });
    await client().agents.recordStep('t', step('edit'));
    const diff = await client().agents.diff('t', { with: 'p' });
    expect(diff).toMatchObject({
      ...{ agentId: 't', with: 'p', common: { agentId: 'p', version: 2 }, equal: false, next: null },
      counts: { same: 1, changed: 0, added: 2, removed: 0 },
      first: { step: 2, left: null, right: { agentId: 'p', version: 4 } },
      totals: { left: { steps: 1 }, right: { steps: 2 } },
    });
    expect(diff.steps).toMatchObject([
      { step: 2, kind: 'added', left: null, right: { event: { data: { action: 'test' } } } },
      { step: 3, kind: 'added', left: null, right: { event: { type: 'agent.state-changed' } } },
    ]);
    const forks = await client().agents.diff('q', { with: 't' });
    expect(forks).toMatchObject({ common: { agentId: 'p', version: 2 } });
    expect(forks.steps).toMatchObject([{ kind: 'removed', action: 'rewrite', left: { agentId: 'q' }, right: null }]);
    expect(await client().agents.diff('p', { with: 'p' })).toMatchObject({ equal: true, steps: [] });
    expect((await client().agents.diff('p', { with: 'a' })).common).toBeNull();
  });

  it('counts in the fleet overview', async () => {
    const agentType = 'forking';
    await post('/agents', { agentId: 'forking', agentType, configuration: {}, createdBy: 'me' });
    const used = { action: 'a', usage: { inputTokens: 5, costUsd: 0.25 } };
    await post('/agents/forking/steps', used);
    expect((await post('/agents/forking/forks', { atVersion: 2, agentId: 'fork-1' })).body).toEqual({
      ...{ agentId: 'fork-1', parentId: 'forking', atVersion: 2, version: 1 },
    });
    await post('/agents/fork-1/forks', { atVersion: 1, agentId: 'fork-2' });
    await post('/agents/fork-2/steps', used);
    const overview = async () => (await get('/projections/fleet-overview/all')).body;
    await vi.waitFor(async () => expect((await overview()).agentsByType[agentType]).toBe(3));
    await vi.waitFor(async () => expect((await overview()).costUsdByType[agentType]).toBe(0.5));
    const { stepsByType, tokensByType } = await overview();
    expect([stepsByType[agentType], tokensByType[agentType]]).toEqual([2, 10]);
  });

  it('needs a parent with that version and a free id, and can be repeated', async () => {
    expect(await post('/agents/nobody/forks', { atVersion: 1 })).toMatchObject({ status: 404 });
    expect(await post('/agents/p/forks', { atVersion: 99 })).toMatchObject({ status: 422 });
    expect(await post('/agents/p/forks', { atVersion: 0 })).toMatchObject({ status: 422 });
    expect(await post('/agents/p/forks', { atVersion: 1, agentId: 'a' })).toMatchObject({ status: 409 });
    const once = { 'idempotency-key': 'fork-once' };
    const first = await post('/agents/p/forks', { atVersion: 1 }, once);
    expect(first.status).toBe(201);
    expect(await post('/agents/p/forks', { atVersion: 1 }, once)).toMatchObject({ status: 200, body: first.body });
  });
});
