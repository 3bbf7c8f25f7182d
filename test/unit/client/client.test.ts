import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnnalsClient, AnnalsRequestError, AnnalsUnreachableError, createClient } from '../../../client/client.ts';
import { addressed, replies, step } from '../../support/sample-events.ts';
import { servedApi } from '../../support/served-api.ts';

const api = servedApi();
let client: AnnalsClient;
beforeAll(() => {
  client = createClient({ url: `${api.url()}/` });
});

describe('the client', () => {
  it('creates, changes and reads agents, tasks and workflows', async () => {
    const { agentId } = await client.agents.create({ agentType: 'coder', configuration: {}, createdBy: 'me' });
    await client.agents.changeState(agentId, { newState: 'running', reason: 'go' });
    expect(await client.agents.recordStep(agentId, { action: 'edit' })).toEqual({
      agentId,
      version: 3,
      repeated: false,
    });
    expect(await client.agents.get(agentId, { waitFor: 3 })).toMatchObject({ state: 'running', steps: 1 });
    expect(await client.agents.get(agentId, { version: 1 })).toMatchObject({ state: 'created' });
    expect((await client.agents.list({ state: 'running' })).agents).toHaveLength(1);

    const { taskId } = await client.tasks.request({ requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 9 });
    await client.tasks.complete(taskId, { agentId: 'a', result: 1, duration: 2, resources: {} });
    await client.tasks.fail(taskId, { agentId: 'b', error: 'no' });
    expect(await client.tasks.get(taskId, { waitFor: 3 })).toMatchObject({
      completedAgents: ['a'],
      failedAgents: ['b'],
    });

    const workflow = { workflowType: 'x', initiatedBy: 'me', parameters: {} };
    const { workflowId } = await client.workflows.start(workflow);
    await client.workflows.completeStep(workflowId, { stepId: '1', stepType: 'y', output: {} });
    expect(await client.workflows.get(workflowId, { waitFor: 2 })).toMatchObject({ steps: 1, state: 'completed' });
  });

  it('schedules work, and cancels it', async () => {
    const data = { agentType: 'coder', configuration: {}, createdBy: 'me' };
    const action = { kind: 'command', aggregateType: 'agent', command: 'create', data } as const;
    const timing = { cron: '0 9 * * *', zone: 'UTC' };
    const { scheduleId, nextDue } = await client.schedules.create({ ...timing, action });
    const schedule = await client.schedules.get(scheduleId, { waitFor: 1 });
    expect(schedule).toMatchObject({ scheduleId, nextDue, timing, action, state: 'ACTIVE', runs: 0 });
    expect((await client.schedules.list({ state: 'ACTIVE' })).schedules).toHaveLength(1);
    expect(await client.schedules.cancel(scheduleId, { reason: 'enough' })).toMatchObject({ state: 'CANCELLED' });
  });

  it('appends and reads streams', async () => {
    const appended = await client.append('service-s', {
      expectedVersion: 0,
      events: addressed('service-s', replies(2)),
    });
    expect(appended).toMatchObject({ toVersion: 2, repeated: false });
    const { events, next } = await client.readStream('service-s', { limit: 1 });
    expect(events).toMatchObject([
      { type: 'external-service.response', sequenceNumber: 1, data: { response: 'reply 1' } },
    ]);
    expect((await client.readStream('service-s', { cursor: next ?? '' })).events).toMatchObject([
      { sequenceNumber: 2 },
    ]);
  });

  it('reports a repeat, with any status', async () => {
    const key = (idempotencyKey: string) => ({ idempotencyKey });
    const send = async () => [
      await client.agents.create({ agentId: 'rep', agentType: 'x', configuration: {}, createdBy: 'me' }, key('1')),
      await client.agents.changeState('rep', { newState: 'idle', reason: '' }, key('2')),
      await client.tasks.request({ taskId: 'rep', requiredAgents: ['a'], payload: {}, deadlineSeconds: 9 }, key('3')),
    ];
    expect((await send()).map(({ repeated }) => repeated)).toEqual([false, false, false]);
    expect((await send()).map(({ repeated }) => repeated)).toEqual([true, true, true]);
  });

  it('throws an error with the problem of the server', async () => {
    const conflict = await client
      .append('agent-c', { expectedVersion: 7, events: [step('a')] })
      .catch((error) => error);
    expect(conflict).toBeInstanceOf(AnnalsRequestError);
    expect(conflict).toMatchObject({ status: 409, code: 'CONCURRENCY_CONFLICT', actualVersion: 0 });
    const invalid = await client.agents.recordStep('x', { action: 1 } as never).catch((error) => error);
    expect(invalid).toMatchObject({ status: 422, errors: [{ path: 'action' }] });
    await expect(client.agents.get('none')).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
    await expect(async () => client.agents.get('..')).rejects.toThrow(TypeError);
    expect(() => createClient({ url: 'ftp://x' })).toThrow(TypeError);
  });
});

describe('the client of a failing server', () => {
  const servers: { close(): void; closeAllConnections(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** A server that gives the answers in turn, and the last answer to all later requests. */
  async function failingServer(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      answers[Math.min(seen.length, answers.length) - 1]?.(request, response);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const retry = { attempts: 3, initialDelayMs: 1, maxDelayMs: 50 };
    return { seen, client: createClient({ url, retry, timeoutMs: 300 }) };
  }
  const answer =
    (status: number, body: object, headers = {}) =>
    (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(status, headers).end(JSON.stringify(body));
  const hangUp = ({ socket }: IncomingMessage) => void socket.destroy();
  const created = answer(201, { agentId: '1', version: 1 });

  it('retries under the same idempotency key after 429, 503, a lost answer and a timeout', async () => {
    for (const fault of [answer(429, {}), answer(503, {}, { 'retry-after': '0' }), hangUp, () => {}]) {
      const { seen, client } = await failingServer(fault, created);
      await client.agents.create({ agentType: 'x', configuration: {}, createdBy: 'me' });
      const keys = seen.map(({ headers }) => headers['idempotency-key']);
      expect(keys).toHaveLength(2);
      expect(keys[0]).toBe(keys[1]);
    }
  });

  it('gives up after its attempts, and immediately when a retry cannot help', async () => {
    const down = await failingServer(hangUp);
    await expect(down.client.agents.get('1')).rejects.toThrow(AnnalsUnreachableError);
    expect(down.seen).toHaveLength(3);
    const busy = await failingServer(answer(503, { code: 'UNAVAILABLE', detail: 'later' }, { 'retry-after': '3600' }));
    await expect(busy.client.agents.get('1')).rejects.toMatchObject({ status: 503, retryAfterMs: 3_600_000 });
    expect(busy.seen).toHaveLength(1);
    const odd = await failingServer(answer(200, { not: 'an agent' }));
    await expect(odd.client.agents.get('1')).rejects.toMatchObject({ code: 'UNEXPECTED_ANSWER' });
    const proxy = await failingServer((_, response) => void response.writeHead(502).end('<html>'));
    await expect(proxy.client.agents.get('1')).rejects.toMatchObject({ status: 502, code: 'HTTP_502' });
  });
});
