import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../client/client.ts';
import { servedApi } from '../../support/served-api.ts';
import { runAnnals } from '../../support/served-process.ts';

const { url, post, get } = servedApi();
const client = () => createClient({ url: url() });
const agentType = 'planner';

beforeAll(async () => {
  const configuration = { prompt: 'be brief', model: 'large' };
  await client().agents.create({ agentId: 'p', agentType, configuration, createdBy: 'me' });
  for (const action of ['plan', 'edit', 'test']) await client().agents.recordStep('p', { action });
  await client().agents.changeState('p', { newState: 'stopped', reason: 'done' });
});

describe('a fork that runs on', () => {
  const body = { atVersion: 3, agentId: 'q', changes: { prompt: 'be careful' }, run: true } as const;

  it('has a changed configuration, and a task that tells of it, whatever is repeated', async () => {
    const options = { idempotencyKey: 'run-q' };
    const run = { taskId: 'q', sagaId: 'multi-agent-task:q' };
    const answer = { agentId: 'q', parentId: 'p', atVersion: 3, version: 1, run };
    expect(await client().agents.fork('p', body, options)).toEqual({ ...answer, repeated: false });
    expect(await client().agents.fork('p', body, options)).toEqual({ ...answer, repeated: true });
    const configuration = { prompt: 'be careful', model: 'large' };
    expect(await client().agents.get('q', { waitFor: 1 })).toMatchObject({ configuration, steps: 2, state: 'created' });
    expect((await client().readStream('task-q', { limit: 1 })).events[0]?.data).toEqual({
      taskId: 'q',
      agentType,
      count: 1,
      deadlineSeconds: 3_600,
      payload: {
        fork: {
          ...{ agentId: 'q', parentId: 'p', atVersion: 3, changes: body.changes, configuration },
          ...{ state: 'created', steps: 2 },
          read: { view: '/agents/q', history: ['/streams/agent-p/events?from=1&to=3'] },
        },
      },
    });
  });

  it('is claimed like other work, and goes on in its own stream', async () => {
    const stop = new AbortController();
    for await (const job of client().work({ agentType, agentId: 'w', signal: stop.signal })) {
      stop.abort();
      const fork = job.payload['fork'] as { agentId: string; read: { history: string[] } };
      const history = await Promise.all(fork.read.history.map((path) => get(path)));
      expect(history.map((page) => page.body.events.length)).toEqual([3]);
      await client().agents.recordStep(fork.agentId, { action: 'rewrite', taskId: job.taskId });
      await job.complete('rewritten');
    }
    await vi.waitFor(async () => expect(await client().tasks.get('q')).toMatchObject({ state: 'completed' }));
    expect(await client().agents.get('q', { waitFor: 2 })).toMatchObject({ steps: 3, lastAction: 'rewrite' });
    expect(await client().agents.get('p')).toMatchObject({ steps: 3, lastAction: 'test' });
  });

  it('names the histories of all its parents', async () => {
    const run = { requiredAgents: ['w'], payload: { goal: 'again' }, priority: 9, deadlineSeconds: 60 };
    await client().agents.fork('q', { atVersion: 2, agentId: 'r', run });
    const [requested] = (await client().readStream('task-r', { limit: 1 })).events;
    expect(requested?.data).toMatchObject({
      ...{ requiredAgents: ['w'], priority: 9, deadlineSeconds: 60 },
      payload: {
        goal: 'again',
        fork: { read: { history: ['/streams/agent-p/events?from=1&to=3', '/streams/agent-q/events?from=2&to=2'] } },
      },
    });
  });

  it('is made with its task or not at all', async () => {
    await client().tasks.request({ taskId: 'taken', agentType: 'other', payload: {}, deadlineSeconds: 60 });
    const refused = await post('/agents/p/forks', { atVersion: 3, agentId: 'taken', run: true });
    expect(refused).toMatchObject({ status: 409, body: { code: 'CONCURRENCY_CONFLICT' } });
    expect((await get('/streams/agent-taken/events')).status).toBe(404);
    const stopped = await post('/agents/p/forks', { atVersion: 5, agentId: 's', run: true });
    expect(stopped).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
    expect((await get('/streams/agent-s/events')).status).toBe(404);
    for (const run of [false, { requiredAgents: ['w'], agentType }, { count: 2 }]) {
      expect((await post('/agents/p/forks', { atVersion: 3, agentId: 's', run })).status).toBe(422);
    }
  });

  it('is a fork with another configuration alone, without `run`', async () => {
    const changes = { model: 'small' };
    const answer = await client().agents.fork('p', { atVersion: 2, agentId: 'c', changes });
    expect(answer).toEqual({ agentId: 'c', parentId: 'p', atVersion: 2, version: 1, repeated: false });
    expect(await client().agents.get('c', { waitFor: 1 })).toMatchObject({
      configuration: { prompt: 'be brief', model: 'small' },
    });
    expect((await get('/streams/task-c/events')).status).toBe(404);
  });
});

describe('annals fork', () => {
  /** Each second fork repeats the step of its parent, the others take another step. */
  async function solve(signal: AbortSignal): Promise<void> {
    for await (const job of client().work({ agentType: 'trier', signal })) {
      const { agentId } = job.payload['fork'] as { agentId: string };
      const action = agentId.endsWith('2') ? 'test' : 'guess';
      const usage = { inputTokens: 900, outputTokens: 60, costUsd: 0.003 };
      await client().agents.recordStep(agentId, { action, durationMs: 1_200, usage, taskId: job.taskId });
      await (agentId.endsWith('3') ? job.fail('no idea') : job.complete('done'));
    }
  }

  it('runs forks and shows outcomes, costs and first differences; the same command shows them again', async () => {
    const stop = new AbortController();
    const worker = solve(stop.signal);
    const forks = [
      'fork',
      'p',
      '--at',
      '3',
      '--set',
      'prompt=try',
      '--runs',
      '3',
      '--name',
      'x',
      '--agent-type',
      'trier',
    ];
    const shown = await runAnnals([...forks, '--url', url()]).finished;
    stop.abort();
    await worker;
    const [title, head, ...rows] = shown.stdout.trim().split('\n');
    expect([shown.code, title]).toEqual([0, '3 forks of p at version 3: x-1 to x-3']);
    expect([head, ...rows].map((line) => line?.split(/ {2,}/))).toEqual([
      ['fork', 'state', 'steps', 'tokens', 'usd', 'seconds', 'first difference'],
      ['x-1', 'completed', '1', '960', '0.0030', '1.2', '2: guess'],
      ['x-2', 'completed', '1', '960', '0.0030', '1.2', 'ended before: stopped'],
      ['x-3', 'failed', '1', '960', '0.0030', '1.2', 'failed: no idea; 2: guess'],
      ['2 completed, 1 failed'],
    ]);
    const again = JSON.parse((await runAnnals([...forks, '--url', url(), '--json']).finished).stdout);
    expect(again).toMatchObject({ agentId: 'p', atVersion: 3, changes: { prompt: 'try' } });
    expect(again.forks[2]).toMatchObject({ agentId: 'x-3', state: 'failed', steps: 1, error: 'no idea' });
  });
});
