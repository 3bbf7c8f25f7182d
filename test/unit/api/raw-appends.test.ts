import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { definitions } from '../../../events/catalogue.ts';
import { servedApi } from '../../support/served-api.ts';

const { post, get, commits } = servedApi();

type Event = { readonly type: string; readonly data: object; readonly source?: string };
const append = (stream: string, events: readonly Event[], expectedVersion: unknown = 'any', headers = {}) =>
  post(`/streams/${stream}/events`, { expectedVersion, events }, headers);
/** The same append as an entry of a batch. */
const appendInBatch = async (streamId: string, events: readonly Event[], expectedVersion: unknown = 'any') => {
  const { body } = await post('/events:batch', { appends: [{ streamId, expectedVersion, events }] });
  const [{ status, problem, ...rest }] = body.results;
  return { status, body: problem ?? rest };
};

const created = (agentId: string): Event => ({
  type: 'agent.created',
  data: { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' },
});
const changed = (agentId: string, previousState: string, newState: string): Event => ({
  type: 'agent.state-changed',
  data: { agentId, previousState, newState, reason: 'because' },
});
const step = (agentId: string): Event => ({ type: 'agent.step-recorded', data: { agentId, action: 'ls' } });
const requested = (taskId: string): Event => ({
  type: 'task.requested',
  data: { taskId, requiredAgents: ['a', 'b'], payload: {}, deadlineSeconds: 60 },
});
const completed = (taskId: string, agentId: string): Event => ({
  type: 'task.completed',
  data: { taskId, agentId, result: 1, duration: 1, resources: {} },
});
const started = (workflowId: string): Event => ({
  type: 'workflow.started',
  data: { workflowId, workflowType: 'x', initiatedBy: 'me', parameters: {} },
});
const done = (workflowId: string, stepId: string): Event => ({
  type: 'workflow.step-completed',
  data: { workflowId, stepId, stepType: 'x', output: {} },
});

/** A name, the aggregate type, the events of the stream, the events to append, and the rule that forbids them. */
const forbidden: readonly [string, string, (id: string) => Event[], (id: string) => Event[], RegExp][] = [
  ['an agent changed before it exists', 'agent', () => [], (id) => [changed(id, 'created', 'idle')], /does not exist/],
  ['a step before the agent exists', 'agent', () => [], (id) => [step(id)], /does not exist/],
  ['an agent created twice', 'agent', (id) => [created(id)], (id) => [created(id)], /exists already/],
  ['an agent created twice in one append', 'agent', () => [], (id) => [created(id), created(id)], /events\.1.*already/],
  [
    'a change from another state than the current state',
    'agent',
    (id) => [created(id)],
    (id) => [changed(id, 'running', 'idle')],
    /previousState has to be "created"/,
  ],
  [
    'a change from a state that the previous event ended',
    'agent',
    (id) => [created(id)],
    (id) => [changed(id, 'created', 'running'), changed(id, 'created', 'idle')],
    /events\.1.*previousState has to be "running"/,
  ],
  [
    'a change to the same state',
    'agent',
    (id) => [created(id)],
    (id) => [changed(id, 'created', 'created')],
    /changes nothing/,
  ],
  [
    'a step of a stopped agent',
    'agent',
    (id) => [created(id), changed(id, 'created', 'stopped')],
    (id) => [step(id)],
    /takes no steps/,
  ],
  ['an id of another agent', 'agent', () => [], () => [created('another')], /data\.agentId has to be/],
  ['an answer to a task that does not exist', 'task', () => [], (id) => [completed(id, 'a')], /does not exist/],
  ['a task requested twice', 'task', (id) => [requested(id)], (id) => [requested(id)], /requested already/],
  [
    'an answer of an agent that is not required',
    'task',
    (id) => [requested(id)],
    (id) => [completed(id, 'c')],
    /does not require agent c/,
  ],
  [
    'two answers of one agent',
    'task',
    (id) => [requested(id), completed(id, 'a')],
    (id) => [completed(id, 'a')],
    /completed its part/,
  ],
  ['an id of another task', 'task', (id) => [requested(id)], () => [completed('other', 'a')], /data\.taskId has to be/],
  ['a step before the workflow starts', 'workflow', () => [], (id) => [done(id, '1')], /does not exist/],
  ['a workflow started twice', 'workflow', (id) => [started(id)], (id) => [started(id)], /started already/],
  [
    'a step completed twice in one append',
    'workflow',
    (id) => [started(id)],
    (id) => [done(id, '1'), done(id, '1')],
    /events\.1.*completed already/,
  ],
  [
    'a failure of a step that is not assigned',
    'workflow',
    (id) => [started(id)],
    (id) => [{ type: 'workflow.step-failed', data: { workflowId: id, stepId: '1', error: 'no' } }],
    /not assigned/,
  ],
  [
    'an id of another service',
    'service',
    () => [],
    () => [
      {
        type: 'external-service.response',
        data: { serviceId: 'x', requestId: 'r', response: 1, latency: 1, success: true },
      },
    ],
    /data\.serviceId has to be/,
  ],
];

describe.each([
  ['POST /streams/{streamId}/events', append],
  ['POST /events:batch', appendInBatch],
])('%s', (_, send) => {
  it.each(forbidden)('refuses %s, and names the rule', async (_name, aggregate, past, events, rule) => {
    const id = ulid();
    const stream = `${aggregate}-${id}`;
    if (past(id).length > 0) expect((await append(stream, past(id), 0)).status).toBe(201);
    // The saga of a task writes to its stream as well.
    const known = aggregate === 'task' ? ['any'] : ['any', past(id).length];
    for (const expectedVersion of known) {
      const { status, body } = await send(stream, events(id), expectedVersion);
      expect([status, body.code]).toEqual([409, 'NOT_ADMITTED']);
      expect(body.detail).toMatch(rule);
    }
    const { body: stored } = await get(`/streams/${stream}/events`);
    const byCallers = (stored.events ?? []).filter(({ source }: { source: string }) => source !== 'saga');
    expect(byCallers).toHaveLength(past(id).length);
  });

  it('accepts a sequence of events that commands could have made', async () => {
    const id = ulid();
    const events = [created(id), changed(id, 'created', 'running'), step(id), changed(id, 'running', 'stopped')];
    expect((await send(`agent-${id}`, events)).status).toBe(201);
    const agent = await get(`/agents/${id}?waitFor=4`);
    expect(agent.body).toMatchObject({ state: 'stopped', steps: 1 });
    expect((await send(`workflow-${id}`, [started(id), done(id, '1'), done(id, '2')], 0)).status).toBe(201);
  });

  it('checks the expected version before the rules', async () => {
    const id = ulid();
    await append(`agent-${id}`, [created(id), step(id)], 0);
    for (const [expectedVersion, event] of [
      [0, changed(id, 'idle', 'running')],
      [1, changed(id, 'idle', 'running')],
      [9, created(id)],
    ] as const) {
      const { status, body } = await send(`agent-${id}`, [event], expectedVersion);
      expect([status, body.code]).toEqual([409, 'CONCURRENCY_CONFLICT']);
      expect(body).toMatchObject({ expectedVersion, actualVersion: 2 });
    }
    const missing = await send(`agent-${ulid()}`, [step('x')], 'exists');
    expect(missing.body).toMatchObject({ code: 'CONCURRENCY_CONFLICT', actualVersion: 0 });
  });

  const internal = definitions.filter(({ access }) => access === 'internal').map(({ type }) => type);
  const sample = async (type: string): Promise<Event & { aggregateType: string }> => {
    const file = new URL(`../../../events/samples/${type}.v1.json`, import.meta.url);
    const { default: event } = await import(file.href, { with: { type: 'json' } });
    return event;
  };
  it.each(internal)('refuses the internal type %s', async (type) => {
    const { data, aggregateType } = await sample(type);
    const before = commits();
    const { status, body } = await send(`${aggregateType}-${ulid()}`, [{ type, data }]);
    expect([status, body.code]).toEqual([403, 'RESERVED_TYPE']);
    expect(commits()).toBe(before);
  });

  it.each([
    ['null', null],
    ['a text', 'first code'],
    ['without steps', []],
    ['with a step without an agent type', [{ name: 'code' }]],
    ['with a step twice', [1, 2].map(() => ({ name: 'code', agentType: 'coder' }))],
  ])('refuses a plan that no saga can run: %s', async (_name, plan) => {
    const id = ulid();
    const { data } = started(id);
    const { status, body } = await send(`workflow-${id}`, [
      { type: 'workflow.started', data: { ...data, parameters: { plan } } },
    ]);
    expect(status).toBe(422);
    expect(body.errors[0].path).toMatch(/^events\.0\.data\.parameters\.plan/);
  });

  it('refuses the source of events of sagas', async () => {
    const id = ulid();
    const { status, body } = await send(`agent-${id}`, [{ ...created(id), source: 'saga' }]);
    expect([status, body.errors[0].path]).toEqual([422, 'events.0.source']);
  });
});

describe('a raw append', () => {
  it('can be repeated under its key, also when the rules would refuse it after the first append', async () => {
    const id = ulid();
    const key = { 'idempotency-key': id };
    const first = await append(`agent-${id}`, [created(id)], 0, key);
    const again = await append(`agent-${id}`, [created(id)], 0, key);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(first.body);
  });

  it('is checked against the current state when many writers append', async () => {
    const id = ulid();
    await append(`agent-${id}`, [created(id)], 0);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => append(`agent-${id}`, [changed(id, 'created', 'stopped')])),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.code === 'NOT_ADMITTED')).toHaveLength(7);
  });
});
