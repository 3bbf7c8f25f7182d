import { describe, expect, it } from 'vitest';
import { servedApi } from '../../support/served-api.ts';

const { get, post, commits } = servedApi();

const agent = { agentType: 'coder', configuration: { model: 'large' }, createdBy: 'me' };
const task = { requiredAgents: ['a', 'b'], payload: { goal: 'x' }, deadlineSeconds: 60 };
const workflow = { workflowType: 'permit', initiatedBy: 'me', parameters: { case: 7 } };
const completion = { agentId: 'a', result: { ok: true }, duration: 12, resources: { tokens: 3 } };
const stepOf = (stepId: string) => ({ stepId, stepType: 'check', output: {}, nextStep: 'end' });

const types = async (stream: string): Promise<string[]> =>
  (await get(`/streams/${stream}/events`)).body.events.map(({ type }: { type: string }) => type);

describe('agents', () => {
  it('are created, change state and record steps, and refuse commands that their state forbids', async () => {
    expect(await post('/agents', { agentId: 'a1', ...agent })).toMatchObject({
      status: 201,
      body: { agentId: 'a1', version: 1 },
    });
    const running = { newState: 'running', reason: 'work' };
    const changed = await post('/agents/a1/state', running);
    expect(changed).toMatchObject({ status: 200, body: { agentId: 'a1', state: 'running', version: 2 } });
    const unchanged = await post('/agents/a1/state', running);
    expect(unchanged).toMatchObject({ status: 200, body: { agentId: 'a1', state: 'running', version: 2 } });
    const step = { thought: 'hm', action: 'edit', observation: 'ok', durationMs: 0.5, usage: { tokens: 2 } };
    expect(await post('/agents/a1/steps', step)).toMatchObject({ status: 201, body: { version: 3 } });
    await post('/agents/a1/state', { newState: 'stopped', reason: 'done' });
    const before = commits();
    for (const [path, body, rule] of [
      ['/agents', { agentId: 'a1', ...agent }, 'exists already'],
      ['/agents/a1/steps', { action: 'more' }, 'takes no steps'],
      ['/agents/a1/state', running, 'which is final'],
    ] as const) {
      const refused = await post(path, body);
      expect(refused).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
      expect(refused.body.detail).toContain(rule);
    }
    expect(commits()).toBe(before);
    expect(await types('agent-a1')).toEqual([
      'agent.created',
      'agent.state-changed',
      'agent.step-recorded',
      'agent.state-changed',
    ]);
  });

  it('get an id when the caller gives none, and the same id for the same idempotency key', async () => {
    const [agentA, agentB] = [await post('/agents', agent), await post('/agents', agent)];
    expect(agentA.body.agentId).not.toBe(agentB.body.agentId);
    const key = { 'idempotency-key': 'new-agent' };
    const first = await post('/agents', agent, key);
    const repeat = await post('/agents', agent, key);
    expect([first.status, repeat.status]).toEqual([201, 200]);
    expect(repeat.body).toEqual(first.body);
  });

  it('get 404 and no event when they do not exist', async () => {
    const before = commits();
    expect(await post('/agents/nobody/steps', { action: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    expect(await post('/agents/nobody/state', { newState: 'idle', reason: '' })).toMatchObject({ status: 404 });
    expect(commits()).toBe(before);
  });
});

describe('tasks', () => {
  it('are requested, and accept one answer from each required agent', async () => {
    expect(await post('/tasks', { taskId: 't1', ...task })).toMatchObject({ status: 202, body: { taskId: 't1' } });
    expect(await post('/tasks/t1/completions', completion)).toMatchObject({ status: 201 });
    expect(await post('/tasks/t1/failures', { agentId: 'b', error: 'no' })).toMatchObject({ status: 201 });
    for (const [path, body] of [
      ['/tasks/t1/completions', completion],
      ['/tasks/t1/failures', { agentId: 'a', error: 'x' }],
      ['/tasks/t1/completions', { ...completion, agentId: 'stranger' }],
      ['/tasks', { taskId: 't1', ...task }],
    ] as const) {
      expect(await post(path, body)).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
    }
    expect(await post('/tasks/none/completions', completion)).toMatchObject({ status: 404 });
    expect(await post('/tasks/none/failures', { agentId: 'a', error: 'x' })).toMatchObject({ status: 404 });
    const byCallers = ['task.requested', 'task.completed', 'task.failed']; // the saga appends assignments between them
    expect((await types('task-t1')).filter((type) => byCallers.includes(type))).toEqual(byCallers);
  });
});

describe('workflows', () => {
  it('are started once and complete each step once', async () => {
    expect(await post('/workflows', { workflowId: 'w1', ...workflow })).toMatchObject({
      status: 201,
      body: { workflowId: 'w1', version: 1 },
    });
    expect(await post('/workflows/w1/steps', stepOf('s1'))).toMatchObject({ status: 201, body: { version: 2 } });
    expect(await post('/workflows/w1/steps', stepOf('s1'))).toMatchObject({ status: 409 });
    expect(await post('/workflows', { workflowId: 'w1', ...workflow })).toMatchObject({ status: 409 });
    expect(await post('/workflows/none/steps', stepOf('s1'))).toMatchObject({ status: 404 });
    expect(await types('workflow-w1')).toEqual(['workflow.started', 'workflow.step-completed']);
  });
});

describe('an idempotency key', () => {
  it('makes each command repeatable: a repeat gets the first answer and writes nothing', async () => {
    const commands = [
      ['/agents', { agentId: 'r', ...agent }],
      ['/agents/r/state', { newState: 'running', reason: 'go' }],
      ['/agents/r/steps', { action: 'a' }],
      ['/agents/r/state', { newState: 'stopped', reason: 'end' }],
      ['/tasks', { taskId: 'r', ...task }],
      ['/tasks/r/completions', completion],
      ['/tasks/r/failures', { agentId: 'b', error: { code: 1 } }],
      ['/workflows', { workflowId: 'r', ...workflow }],
      ['/workflows/r/steps', stepOf('s')],
    ] as const;
    const send = async (index: number) => {
      const [path, body] = commands[index] ?? ['/', {}];
      return post(path, body, { 'idempotency-key': `key-${index}` });
    };
    const firsts = [];
    for (const index of commands.keys()) firsts.push(await send(index));
    expect(firsts.map(({ status }) => status)).toEqual([201, 200, 201, 200, 202, 201, 201, 201, 201]);
    expect(firsts.every(({ headers }) => !headers.has('idempotent-replayed'))).toBe(true);
    const streams = async () => Promise.all(['agent-r', 'workflow-r'].map(types));
    const before = await streams();
    for (const index of commands.keys()) {
      const repeat = await send(index);
      expect(repeat.headers.get('idempotent-replayed'), `${index}`).toBe('true');
      expect(repeat.body).toEqual(firsts[index]?.body);
    }
    expect(await streams()).toEqual(before);
  });

  it('writes once when repeats arrive at the same time', async () => {
    const key = { 'idempotency-key': 'side-by-side' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post('/agents', { agentId: 'once', ...agent }, key)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body)))).toEqual(
      new Set(['{"agentId":"once","version":1}']),
    );
    expect(await types('agent-once')).toEqual(['agent.created']);
  });
});

describe('simultaneous commands for one agent', () => {
  it('all succeed, each at another version', async () => {
    await post('/agents', { agentId: 'busy', ...agent });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => post('/agents/busy/steps', { action: `${n}` })),
    );
    const versions = answers.map(({ body }) => body.version).toSorted((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 30 }, (_, n) => n + 2));
  });
});
