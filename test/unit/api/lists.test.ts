import { beforeAll, describe, expect, it, vi } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post } = servedApi();

const agent = (agentId: string, agentType: string, createdBy: string) => ({
  agentId,
  agentType,
  createdBy,
  configuration: {},
});

beforeAll(async () => {
  await post('/agents', agent('a1', 'coder', 'ann'));
  await post('/agents', { ...agent('a2', 'coder', 'bob'), parentId: 'a1' });
  await post('/agents', agent('b1', 'reviewer', 'ann'));
  await post('/agents/a2/state', { newState: 'running', reason: 'test' });
  const task = { payload: {}, deadlineSeconds: 600 };
  await post('/tasks', { ...task, taskId: 't1', requiredAgents: ['a1', 'b1'] });
  await post('/tasks', { ...task, taskId: 't2', requiredAgents: ['a2'] });
  await post('/tasks/t2/completions', { agentId: 'a2', result: {}, duration: 1, resources: {} });
  const workflow = { initiatedBy: 'ann', parameters: {} };
  await post('/workflows', { ...workflow, workflowId: 'w1', workflowType: 'change' });
  await post('/workflows', { ...workflow, workflowId: 'w2', workflowType: 'release' });
  await vi.waitUntil(async () => (await get('/tasks?state=completed')).body.tasks.length === 1, { timeout: 60_000 });
  await get('/agents/a2?waitFor=2');
  await get('/workflows/w2?waitFor=1');
});

/** The items of all pages of a list. */
async function all(path: string, member: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let query = path; ; ) {
    const { status, body } = await get(query);
    expect(status, query).toBe(200);
    items.push(...body[member]);
    if (body.next === null) return items;
    query = `${path.split('?')[0]}?limit=1&cursor=${body.next}`;
  }
}

describe('lists', () => {
  it.each([
    ['/agents?limit=1', ['a1', 'a2', 'b1']],
    ['/agents?limit=1&agentType=coder', ['a1', 'a2']],
    ['/agents?limit=1&createdBy=ann', ['a1', 'b1']],
    ['/agents?agentType=coder&createdBy=ann', ['a1']],
    ['/agents?state=running&agentType=coder', ['a2']],
    ['/agents?agentType=none', []],
    ['/agents?limit=1&parentId=a1', ['a2']],
  ])('%s', async (path, ids) => {
    expect((await all(path, 'agents')).map(({ agentId }) => agentId).toSorted()).toEqual(ids);
  });

  it.each([
    ['/tasks?limit=1', ['t1', 't2']],
    ['/tasks?state=completed', ['t2']],
    ['/tasks?agentId=b1', ['t1']],
  ])('%s', async (path, ids) => {
    expect((await all(path, 'tasks')).map(({ taskId }) => taskId).toSorted()).toEqual(ids);
  });

  it.each([
    ['/workflows?limit=1', ['w1', 'w2']],
    ['/workflows?workflowType=release', ['w2']],
    ['/workflows?initiatedBy=bob', []],
  ])('%s', async (path, ids) => {
    expect((await all(path, 'workflows')).map(({ workflowId }) => workflowId).toSorted()).toEqual(ids);
  });

  it.each([
    ['/streams?limit=1&prefix=agent', ['agent-a1', 'agent-a2', 'agent-b1']],
    ['/streams?prefix=agent-a', ['agent-a1', 'agent-a2']],
    ['/streams?prefix=agent-a2', ['agent-a2']],
    ['/streams?prefix=agent-c', []],
    ['/streams?limit=1&prefix=w', ['workflow-w1', 'workflow-w2']],
  ])('%s', async (path, ids) => {
    expect((await all(path, 'streams')).map(({ streamId }) => streamId)).toEqual(ids);
  });

  it('of streams have all streams in the order of their ids', async () => {
    const ids = (await all('/streams?limit=2', 'streams')).map(({ streamId }) => String(streamId));
    expect(ids).toEqual(ids.toSorted());
    expect(ids).toEqual(expect.arrayContaining(['agent-a1', 'task-t2', 'workflow-w1', 'saga-multi-agent-task:t1']));
    expect((await get('/streams?prefix=nothing')).body).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('of events can be limited to an aggregate or a conversation', async () => {
    const headers = { 'X-Correlation-Id': 'conv-77' };
    await post('/agents/a1/steps', { action: 'talk' }, headers);
    const events = async (query: string) => (await get(`/events?${query}`)).body.events;
    await expect.poll(() => events('correlationId=conv-77')).toHaveLength(1);
    expect(await events('correlationId=conv-77')).toMatchObject([{ aggregateId: 'a1', data: { action: 'talk' } }]);
    const ofAgent = await events('aggregateId=a1');
    expect(ofAgent.map(({ type }: { type: string }) => type)).toEqual(['agent.created', 'agent.step-recorded']);
    expect(await events('aggregateId=a1&aggregateType=task')).toEqual([]);
  });
});

describe('a parameter that a route does not know', () => {
  it.each([
    ['/agents?agentTyp=coder', 'agentTyp'],
    ['/events?correlationid=x', 'correlationid'],
    ['/agents/a1?verison=1', 'verison'],
    ['/health?x=1', 'x'],
    ['/streams/agent-a1/events?form=3', 'form'],
  ])('is refused: %s', async (path, name) => {
    const { status, body } = await get(path);
    expect([status, body.code]).toEqual([422, 'VALIDATION_FAILED']);
    expect(body.errors[0].path).toBe(name);
  });

  it('is refused by commands before they write', async () => {
    expect((await post('/agents/a1/steps?waitFor=1', { action: 'x' })).status).toBe(422);
    expect((await get('/streams/agent-a1/events')).body.version).toBe(2);
  });

  it('is accepted when it belongs to the signature of a presigned request', async () => {
    expect((await get('/agents?X-Amz-Signature=abc&X-Amz-Date=20260101T000000Z')).status).toBe(200);
  });
});
