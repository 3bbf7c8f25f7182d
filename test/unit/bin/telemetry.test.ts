import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Server, startServer } from '../../../bin/serve/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const logged: unknown[] = [];
const logger = { warn: (...line: unknown[]) => logged.push(line), error: (...line: unknown[]) => logged.push(line) };

let server: Server;
beforeAll(async () => {
  server = await startServer({ port: 0, dataDir: temporaryFolder(), logger });
});
afterAll(() => server.close());

const span = (name: string, attributes: object) =>
  expect.objectContaining({ name, attributes: expect.objectContaining(attributes) });

function post(path: string, body: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'X-Correlation-Id': 'talk' };
  return fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

it('the requests of an agent make a tree of spans and are counted, without their payloads', async () => {
  await post('/agents', { agentId: '7', agentType: 'coder', configuration: { key: 'my-secret' }, createdBy: 'me' });
  await post('/agents/7/steps', { thought: 'my-secret', action: 'think' });
  await post('/agents/7/state', { newState: 'nonsense-my-secret', reason: 'my-secret' });
  await fetch(`${server.url}/agents/7?waitFor=2`);

  const tracesOf = async () => (await (await fetch(`${server.url}/traces/talk`)).json()).traces;
  const delivered = (type: string) =>
    expect.arrayContaining([
      expect.objectContaining({ name: 'storage.put', children: [] }),
      span('annals-projector', { event_type: type, correlation_id: 'talk' }),
      span('annals-relay', { event_type: type, processor_name: 'relay' }),
    ]);
  await expect.poll(tracesOf).toMatchObject([
    { spans: [{ attributes: { route: 'POST /agents' }, outcome: 'ok', children: delivered('agent.created') }] },
    {
      spans: [{ attributes: { route: 'POST /agents/{agentId}/steps' }, children: delivered('agent.step-recorded') }],
    },
    { spans: [{ attributes: { route: 'POST /agents/{agentId}/state' }, outcome: 'error' }] },
  ]);
  const traces = await tracesOf();

  const unknown = await fetch(`${server.url}/metrics?x=1`);
  expect([unknown.status, await unknown.json()]).toMatchObject([422, { errors: [{ path: 'x' }] }]);
  const metrics = await fetch(`${server.url}/metrics`);
  expect(metrics.headers.get('content-type')).toMatch('text/plain');
  const text = await metrics.text();
  expect(text).toContain('events_total{type="agent.created",source="annals",status="success"} 1');
  expect(text).toContain('appends_total{outcome="written"} 2');
  expect(text).toContain('projection_lag_versions{projection="agent-status"} 0');
  expect(text).toContain('health{part="store"} 1');
  expect(text).toMatch(
    /http_request_duration_seconds_count\{route="POST \/agents\/\{agentId\}\/state",status="422"\} 1/,
  );

  expect(JSON.stringify(traces) + text + JSON.stringify(logged)).not.toContain('my-secret');
});

it('an unknown conversation has no traces', async () => {
  const answer = await fetch(`${server.url}/traces/nobody`);
  expect(await answer.json()).toEqual({ correlationId: 'nobody', traces: [] });
});

it('the spans of a saga are under the request that started it', async () => {
  for (const agentId of ['s1', 's2'])
    await post('/agents', { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' });
  const headers = { 'Content-Type': 'application/json', 'X-Correlation-Id': 'task-talk' };
  const task = { taskId: 'traced', requiredAgents: ['s1', 's2'], payload: {}, deadlineSeconds: 60 };
  await fetch(`${server.url}/tasks`, { method: 'POST', headers, body: JSON.stringify(task) });
  const spans = async () => JSON.stringify(await (await fetch(`${server.url}/traces/task-talk`)).json());
  await expect.poll(spans).toContain('task.assigned');
  const [first] = (JSON.parse(await spans()) as { traces: { spans: object[] }[] }).traces;
  expect(first?.spans).toMatchObject([{ attributes: { route: 'POST /tasks' } }]); // one tree and no other span
  expect(JSON.stringify(first)).toContain('annals-sagas');
});
