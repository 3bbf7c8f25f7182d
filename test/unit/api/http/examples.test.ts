import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { servedApi } from '../../../support/served-api.ts';

/** The examples of the OpenAPI document are requests of this story with their answers. `vitest run <this file> -u` writes them. */
const FILE = '../../../../domain/examples.json';

const { call, get } = servedApi();

interface Request {
  readonly operation: string;
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** The request is repeated until the answer has these members. */
  readonly until?: object;
}

const agent = { agentId: '42' };
const billing = { name: 'billing' };
const story: readonly Request[] = [
  {
    operation: 'createAgent',
    body: { ...agent, agentType: 'coder', configuration: { model: 'large' }, createdBy: 'me' },
  },
  { operation: 'changeAgentState', path: agent, body: { newState: 'idle', reason: 'ready for work' } },
  {
    operation: 'recordAgentStep',
    path: agent,
    body: {
      thought: 'A colon is missing.',
      action: 'edit 4:4',
      observation: 'saved',
      durationMs: 412,
      usage: { inputTokens: 1200, outputTokens: 80, costUsd: 0.0042 },
    },
  },
  { operation: 'forkAgent', path: agent, body: { atVersion: 2, agentId: '43', changes: { model: 'small' } } },
  {
    operation: 'appendEvents',
    path: { streamId: 'agent-42' },
    body: {
      expectedVersion: 3,
      events: [
        { type: 'agent.step-recorded', data: { ...agent, thought: 'Does it run?', action: 'run', durationMs: 980 } },
      ],
    },
  },
  {
    operation: 'appendBatch',
    body: {
      appends: [
        {
          streamId: 'agent-43',
          expectedVersion: 'exists',
          events: [
            { type: 'agent.state-changed', data: { agentId: '43', newState: 'processing', reason: 'work has come' } },
          ],
        },
      ],
    },
  },
  {
    operation: 'transact',
    body: {
      appends: [
        {
          streamId: 'agent-42',
          expectedVersion: 'exists',
          events: [{ type: 'agent.step-recorded', data: { ...agent, action: 'hand over to 44' } }],
        },
        {
          streamId: 'agent-44',
          expectedVersion: 0,
          events: [
            {
              type: 'agent.created',
              data: { agentId: '44', agentType: 'reviewer', configuration: {}, createdBy: 'agent-42' },
            },
          ],
        },
      ],
      checks: [{ streamId: 'agent-43', version: 1 }],
    },
  },
  { operation: 'readTag', path: { tag: 'course:c1' } },
  {
    operation: 'registerEventType',
    path: { type: 'order.placed' },
    body: {
      aggregateType: 'order',
      schema: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] },
      description: 'A customer ordered an item.',
    },
  },
  { operation: 'getEventType', path: { type: 'order.placed' } },
  { operation: 'listEventTypes', query: { limit: '1' } },
  { operation: 'readStream', path: { streamId: 'agent-42' }, query: { from: '2', limit: '1' } },
  { operation: 'searchStream', path: { streamId: 'agent-42' }, query: { text: 'colon' } },
  { operation: 'listStreams', query: { prefix: 'agent-' } },
  { operation: 'readLog', query: { type: 'agent.created', limit: '1' }, until: { events: [{}] } },
  { operation: 'getAgent', path: agent, query: { waitFor: '4' } },
  { operation: 'listAgents', query: { agentType: 'coder' }, until: { agents: [{}, {}] } },
  { operation: 'diffAgents', path: agent, query: { with: '43' } },
  { operation: 'getView', path: { name: 'agent-status', key: '42' } },
  {
    operation: 'requestTask',
    body: { taskId: 't-1', requiredAgents: ['42'], payload: { goal: 'fix #12' }, deadlineSeconds: 600 },
  },
  { operation: 'getTask', path: { taskId: 't-1' }, query: { waitFor: '2' } },
  {
    operation: 'completeTask',
    path: { taskId: 't-1' },
    body: { ...agent, result: { patch: 'diff --git a/x b/x' }, duration: 5120, resources: { tokens: 2048 } },
  },
  { operation: 'getSaga', path: { sagaId: 'multi-agent-task:t-1' }, until: { state: 'COMPLETED' } },
  { operation: 'listTasks', query: { state: 'completed' }, until: { tasks: [{}] } },
  { operation: 'requestTask', body: { taskId: 't-2', requiredAgents: ['43'], payload: {}, deadlineSeconds: 600 } },
  { operation: 'getSaga', path: { sagaId: 'multi-agent-task:t-2' }, until: { steps: [{}] } },
  { operation: 'cancelSaga', path: { sagaId: 'multi-agent-task:t-2' }, body: { reason: 'the customer withdrew' } },
  { operation: 'getSaga', path: { sagaId: 'multi-agent-task:t-2' }, until: { state: 'FAILED' } },
  { operation: 'listSagas', query: { sagaType: 'multi-agent-task' }, until: { sagas: [{ state: /FAIL|COMPL/ }, {}] } },
  { operation: 'resumeSaga', path: { sagaId: 'multi-agent-task:t-2' }, body: {} },
  {
    operation: 'setBudget',
    path: { budgetId: 'agent-type:coder' },
    body: { limits: { usd: 20, minutes: 600 }, warnAt: 0.8 },
  },
  {
    operation: 'raiseBudget',
    path: { budgetId: 'agent-type:coder' },
    body: { limits: { usd: 40 }, by: 'ops@example.org', reason: 'the release is today' },
  },
  { operation: 'getBudget', path: { budgetId: 'agent-type:coder' } },
  { operation: 'listBudgets', query: { scope: 'agent-type' }, until: { budgets: [{}] } },
  { operation: 'requestTask', body: { taskId: 't-3', requiredAgents: ['42'], payload: {}, deadlineSeconds: 600 } },
  { operation: 'getTask', path: { taskId: 't-3' }, query: { waitFor: '2' } },
  { operation: 'failTask', path: { taskId: 't-3' }, body: { ...agent, error: 'the repository does not build' } },
  {
    operation: 'requestTask',
    body: {
      ...{ taskId: 't-4', agentType: 'coder', count: 2, priority: 7 },
      ...{ payload: { goal: 'fix #13' }, deadlineSeconds: 600 },
    },
  },
  { operation: 'readInbox', query: { agentType: 'coder', wait: '20' }, until: { tasks: [{ version: 3 }] } },
  {
    operation: 'claimTask',
    path: { taskId: 't-4' },
    body: { ...agent, agentType: 'coder', leaseSeconds: 120, limit: 4 },
  },
  { operation: 'beatTask', path: { taskId: 't-4' }, body: { ...agent, fencing: 1, leaseSeconds: 120 } },
  { operation: 'releaseTask', path: { taskId: 't-4' }, body: { ...agent, fencing: 1 } },
  { operation: 'getTask', path: { taskId: 't-4' }, query: { waitFor: '5' } },
  {
    operation: 'claimWork',
    body: { agentId: 'coder-7', agentType: 'coder', wait: 20, leaseSeconds: 120, limit: 4 },
  },
  { operation: 'requestTask', body: { taskId: 't-5', requiredAgents: ['44'], payload: {}, deadlineSeconds: 600 } },
  { operation: 'readAgentInbox', path: { agentId: '44' }, query: { wait: '20' }, until: { tasks: [{ version: 2 }] } },
  { operation: 'getSaga', path: { sagaId: 'multi-agent-task:t-3' }, until: { state: 'FAILED' } },
  {
    operation: 'startWorkflow',
    body: { workflowId: 'case-1', workflowType: 'permit', initiatedBy: 'desk', parameters: { channel: 'Internet' } },
  },
  {
    operation: 'completeWorkflowStep',
    path: { workflowId: 'case-1' },
    body: { stepId: 'task-1', stepType: 'Confirmation of receipt', output: { resource: 'Resource21' } },
  },
  {
    operation: 'failWorkflowStep',
    path: { workflowId: 'case-1' },
    body: { stepId: 'review', error: 'the form is not signed' },
  },
  { operation: 'getWorkflow', path: { workflowId: 'case-1' }, query: { waitFor: '2' } },
  { operation: 'listWorkflows', query: { workflowType: 'permit' }, until: { workflows: [{}] } },
  {
    operation: 'createSchedule',
    body: {
      scheduleId: 'nightly-review',
      ...{ cron: '30 2 * * MON-FRI', zone: 'Europe/Berlin' },
      action: {
        ...{ kind: 'command', aggregateType: 'task', command: 'request' },
        data: { requiredAgents: ['42'], payload: { goal: 'review the day' }, deadlineSeconds: 600 },
      },
    },
  },
  { operation: 'getSchedule', path: { scheduleId: 'nightly-review' }, query: { waitFor: '1' } },
  { operation: 'listSchedules', query: { state: 'ACTIVE' }, until: { schedules: [{}] } },
  { operation: 'cancelSchedule', path: { scheduleId: 'nightly-review' }, body: { reason: 'the agent is on leave' } },
  {
    operation: 'startWorkflow',
    body: {
      workflowId: 'release-1',
      workflowType: 'release',
      initiatedBy: 'me',
      parameters: {
        plan: [{ name: 'deploy', agentType: 'operator', approval: { by: 'ops', deadlineSeconds: 3600 } }],
      },
    },
  },
  { operation: 'listApprovals', query: { by: 'ops' }, until: { approvals: [{ state: 'open' }] } },
  {
    operation: 'decideApproval',
    path: { approvalId: 'workflow:release-1:deploy:ok' },
    body: { decision: 'approve', who: 'Ada', why: 'the tests pass' },
  },
  { operation: 'getApproval', path: { approvalId: 'workflow:release-1:deploy:ok' }, query: { waitFor: '2' } },
  {
    operation: 'signalSaga',
    path: { sagaId: 'workflow:release-1', name: 'shipped' },
    body: { payload: { parcel: '42' } },
  },
  { operation: 'listRanking', path: { name: 'leaderboard' }, query: { limit: '10' } },
  { operation: 'getProjectionAt', path: { name: 'agent-status' }, query: { at: '2026-01-05T09:00:00Z' } },
  { operation: 'listProjections' },
  { operation: 'requestReplay', body: { projection: 'agent-status', types: ['agent.created'] } },
  { operation: 'getReplay', path: { replayId: '<replayId>' }, until: { state: 'ready' } },
  { operation: 'listReplays', query: { limit: '10' } },
  { operation: 'pauseReplay', path: { replayId: '<replayId>' } },
  { operation: 'resumeReplay', path: { replayId: '<replayId>' } },
  { operation: 'switchToReplay', path: { replayId: '<replayId>' }, body: { acceptPart: true } },
  { operation: 'discardReplay', path: { replayId: '<replayId>' } },
  { operation: 'rebuildProjection', path: { name: 'agent-status' } },
  { operation: 'getRebuild', path: { name: 'agent-status', rebuildId: '<rebuildId>' }, until: { state: 'switched' } },
  { operation: 'verify' },
  { operation: 'getVerification', path: { verificationId: '<verificationId>' }, until: { state: 'done' } },
  { operation: 'listDeadLetters', query: { projection: 'agent-status' } },
  { operation: 'getDeadLetter', path: { deadLetterId: 'agent-status:agent-42' } },
  { operation: 'redriveDeadLetter', path: { deadLetterId: 'agent-status:agent-42' } },
  { operation: 'redriveDeadLetters', query: { projection: 'agent-status' } },
  { operation: 'listFailedBatches', query: { limit: '10' } },
  { operation: 'redriveFailedBatch', path: { batchId: 'aws/lambda/batch' } },
  { operation: 'redriveFailedBatches', query: { limit: '10' } },
  {
    operation: 'putSubscription',
    path: billing,
    body: { filter: { types: ['agent.step-recorded'], aggregateId: '42' }, maxRetries: 3, shards: 1 },
  },
  { operation: 'seekSubscription', path: billing, body: { to: 'start' } },
  { operation: 'getSubscription', path: billing },
  { operation: 'listSubscriptions', query: { limit: '10' }, until: { subscriptions: [{}] } },
  { operation: 'takeDeliveries', path: billing, query: { max: '1', wait: '20' } },
  { operation: 'ackDeliveries', path: billing, body: { tokens: ['1.0.1.a15ef8bc'] } },
  { operation: 'takeDeliveries', path: billing, query: { max: '1', wait: '20' } },
  {
    operation: 'nackDeliveries',
    path: billing,
    body: { tokens: ['1.0.2.260b3f2e'], action: 'park', reason: 'the account is closed' },
  },
  { operation: 'listParked', path: billing, query: { limit: '10' } },
  { operation: 'redriveParked', path: billing, body: { parked: ['agent-42'] } },
  { operation: 'takeDeliveries', path: billing, query: { max: '1', wait: '20' } },
  { operation: 'nackDeliveries', path: billing, body: { tokens: ['1.0.3.260b3f2e'], action: 'park' } },
  {
    operation: 'skipParked',
    path: billing,
    body: { parked: 'agent-42', sequenceNumber: 4, reason: 'the invoice was written by hand' },
  },
  { operation: 'removeSubscription', path: billing },
  { operation: 'getHealth' },
  { operation: 'getTraces', path: { correlationId: 'other-work' } },
];

interface Operation {
  readonly method: string;
  readonly path: string;
}
const operations = new Map<string, Operation>();

beforeAll(async () => {
  const { body } = await get('/openapi.json');
  for (const [path, methods] of Object.entries<Record<string, { operationId: string }>>(body.paths)) {
    for (const [method, { operationId }] of Object.entries(methods)) {
      operations.set(operationId, { method: method.toUpperCase(), path });
    }
  }
});

/** The ids that the server made, by the name of their member. */
const made = new Map<string, string>();

async function ask({ operation, path = {}, query, body, until }: Request) {
  const { method, path: template } = operations.get(operation) ?? expect.fail(`${operation} is not an operation`);
  const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(madeOr(path[name] ?? '')));
  const target = query ? `${filled}?${new URLSearchParams(query)}` : filled;
  const headers = { 'x-correlation-id': 'my-work' };
  const reply = await vi.waitFor(async () => {
    const answer = await call(method, target, { headers, ...(body && { body }) });
    if (until) expect(answer.body).toMatchObject(expectations(until) as object);
    return answer;
  });
  for (const [name, value] of Object.entries(reply.body)) {
    if (/^(replay|rebuild|verification)Id$/.test(name)) made.set(`<${name}>`, String(value));
  }
  return reply;
}

const madeOr = (value: string) => made.get(value) ?? value;

function expectations(value: unknown): unknown {
  if (value instanceof RegExp) return expect.stringMatching(value);
  if (Array.isArray(value)) return value.map(expectations);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, expectations(member)]));
}

/** Ids, times and durations are different in each run, and how many commits share a page of the log. */
function settled() {
  const ids = new Map<string, string>();
  const fixed = (id: string) => {
    const known = ids.get(id) ?? `01K0R8Z5Q2M6T9V3X7B1D4F${String(ids.size + 100)}`;
    ids.set(id, known);
    return known;
  };
  return (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (name, member) => {
        if (name === 'pages') return 24;
        if (name === 'lag' && typeof member === 'object') return { events: 2, more: false };
        return /^(lag|lagMs|durationMs)$/.test(name) && member !== 412 ? 0 : member;
      })
        .replaceAll(/\b[0-9A-HJKMNP-TV-Z]{26}\b/g, fixed)
        .replaceAll(/Root=[\w-]+;Parent=\w+/g, 'Root=1-5f1e2d3c-4b5a69788796a5b4c3d2e1f0;Parent=0123456789abcdef')
        .replaceAll(/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '2026-01-05T09:00:00.000Z'),
    );
}

it('the examples are requests and answers of one story, for every operation', async () => {
  const settle = settled();
  const examples: Record<string, unknown> = {};
  for (const request of story) {
    const { status, body: answer } = await ask(request);
    const { operation, path, query, body } = request;
    if (operation in examples) continue;
    const values = Object.fromEntries(Object.entries(path ?? {}).map(([name, value]) => [name, madeOr(value)]));
    examples[operation] = settle({ path: values, query, body, ...(status < 300 && { status, answer }) });
  }
  const missing = [...operations.keys()].filter((name) => !(name in examples));
  expect(missing.toSorted()).toEqual(['getAsyncApi', 'getMetrics', 'getOpenApi', 'streamLog']);
  await expect(`${JSON.stringify(examples, undefined, 2)}\n`).toMatchFileSnapshot(FILE);
});

it('the OpenAPI document has the examples', async () => {
  const { body } = await get('/openapi.json');
  const examples = JSON.parse(await readFile(join(import.meta.dirname, FILE), 'utf8'));
  const { post } = body.paths['/agents/{agentId}/state'];
  expect(post.requestBody.content['application/json'].example).toEqual(examples.changeAgentState.body);
  expect(post.responses['200'].content['application/json'].example).toEqual(examples.changeAgentState.answer);
  expect(post.parameters.find(({ name }: { name: string }) => name === 'agentId').example).toBe('42');
});
