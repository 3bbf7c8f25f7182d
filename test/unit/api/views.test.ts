import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { servedApi } from '../../support/served-api.ts';

const { get, post, logger } = servedApi();

const states = { v1: 'idle', v2: 'running', v3: 'running', v4: 'waiting', v5: 'created' } as const;

beforeAll(async () => {
  for (const [agentId, newState] of Object.entries(states)) {
    await post('/agents', { agentId, agentType: 'coder', configuration: { a: 1 }, createdBy: 'me' });
    if (newState !== 'created') await post(`/agents/${agentId}/state`, { newState, reason: 'test' });
  }
  for (const durationMs of [0.1, 0.2]) {
    await post('/agents/v1/steps', { action: 'edit', durationMs, usage: { cost: durationMs, tokens: 5 } });
  }
  await get('/agents/v1?waitFor=4');
});

describe('a view', () => {
  it('shows state, counters, sums, the times of creation and of the last update, and its version', async () => {
    const { body, headers } = await get('/agents/v1');
    expect(headers.get('x-view-version')).toBe('4');
    expect(body).toMatchObject({
      agentId: 'v1',
      state: 'idle',
      reason: 'test',
      steps: 2,
      stateChanges: 1,
      durationMs: 0.3,
      usage: { cost: 0.3, tokens: 10 },
      lastAction: 'edit',
      version: 4,
    });
    expect(body.createdAt <= body.lastUpdated).toBe(true);
    expect((await get('/projections/agent-status/v1')).body).toEqual(body);
  });

  it('takes both times from the events, in any order', async () => {
    const at = (timestamp: string, stepId: string) => ({
      type: 'workflow.step-completed',
      timestamp,
      data: { workflowId: 'old', stepId, stepType: 'x', output: {} },
    });
    const { timestamp, ...facts } = {
      timestamp: '2010-06-01T00:00:00Z',
      workflowType: 'x',
      initiatedBy: 'me',
      parameters: {},
    };
    const events = [
      { type: 'workflow.started', timestamp, data: { workflowId: 'old', ...facts } },
      at('2011-05-01T00:00:00Z', '1'),
      at('2009-01-01T12:00:00+02:00', '2'),
      at('2010-01-01T00:00:00Z', '3'),
    ];
    await post('/streams/workflow-old/events', { expectedVersion: 0, events });
    const { body } = await get('/workflows/old?waitFor=4');
    expect(body).toMatchObject({
      steps: 3,
      state: 'completed',
      createdAt: '2009-01-01T10:00:00.000Z',
      lastUpdated: '2011-05-01T00:00:00.000Z',
    });
  });

  it('can be read at a version or at a time', async () => {
    expect((await get('/agents/v1?version=1')).body).toMatchObject({ state: 'created', steps: 0, version: 1 });
    expect((await get('/agents/v1?version=3')).body).toMatchObject({ state: 'idle', steps: 1, version: 3 });
    await post('/agents', { agentId: 'timed', agentType: 'coder', configuration: {}, createdBy: 'me' });
    await delay(5);
    const between = new Date().toISOString();
    await delay(5);
    await post('/agents/timed/steps', { action: 'later' });
    expect((await get(`/agents/timed?at=${between}`)).body).toMatchObject({ steps: 0, version: 1 });
    for (const query of ['version=9', 'at=2000-01-01T00:00:00Z']) {
      expect(await get(`/agents/v1?${query}`), query).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });

  it('is returned after a wait for a version, and 504 when the version does not come', async () => {
    const { body } = await post('/tasks', { taskId: 'w', requiredAgents: ['a'], payload: {}, deadlineSeconds: 60 });
    expect((await get(`/tasks/${body.taskId}?waitFor=1`)).body).toMatchObject({ taskId: 'w', requiredAgents: ['a'] });
    const later = get('/agents/v5?waitFor=2');
    await delay(50);
    await post('/agents/v5/steps', { action: 'now' });
    expect(await later).toMatchObject({ status: 200, body: { version: 2 } });
    const began = performance.now();
    expect(await get('/agents/v5?waitFor=1000')).toMatchObject({ status: 504, body: { code: 'VIEW_BEHIND' } });
    expect(performance.now() - began).toBeGreaterThan(9_000);
    expect(logger.error).not.toHaveBeenCalled(); // the caller chose the version
  });

  it('gets 404 when it does not exist, and 422 for invalid or contradictory parameters', async () => {
    for (const path of [
      '/agents/none',
      '/tasks/none',
      '/workflows/none',
      '/projections/none/x',
      '/agents/none?version=1',
    ]) {
      expect(await get(path), path).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
    for (const query of ['version=1&waitFor=1', 'version=0', 'at=yesterday', 'at=2026-13-01T00:00:00Z', 'waitFor=x']) {
      expect(await get(`/agents/v1?${query}`), query).toMatchObject({
        status: 422,
        body: { code: 'VALIDATION_FAILED' },
      });
    }
  });
});

describe('the list of agents', () => {
  it('comes page by page, with all agents or those of one state', async () => {
    const walk = async (query: string): Promise<string[]> => {
      const ids: string[] = [];
      for (let path = `/agents?limit=2&${query}`; path; ) {
        const { body } = await get(path);
        expect(body.agents.length).toBeLessThanOrEqual(2);
        ids.push(...body.agents.map(({ agentId }: { agentId: string }) => agentId));
        path = body.next && `/agents?limit=2&cursor=${body.next}`;
      }
      return ids;
    };
    expect(await walk('state=running')).toEqual(['v2', 'v3']);
    expect(await walk('state=failed')).toEqual([]);
    expect(await walk('')).toEqual(expect.arrayContaining(Object.keys(states)));
    for (const query of ['state=none', 'cursor=x', 'limit=0', 'unknown=1&limit=a']) {
      expect(await get(`/agents?${query}`), query).toMatchObject({ status: 422 });
    }
  });
});

describe('the service', () => {
  it('lists its projections with generation and dead letters', async () => {
    const { body } = await get('/projections');
    const names = body.projections.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(['agent-status', 'task-status', 'workflow-status']));
    for (const { generation, deadLetters } of body.projections) expect([generation, deadLetters]).toEqual([1, 0]);
  });

  it('reports its health', async () => {
    const { status, body } = await get('/health');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'ok', version: packageJson.version });
    expect(body.checks).toMatchObject({ store: 'ok', projector: 'ok', relay: 'ok' });
  });
});
