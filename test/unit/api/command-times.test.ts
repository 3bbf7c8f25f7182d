import { expect, it } from 'vitest';
import * as z from 'zod';
import { aggregateCommands } from '../../../api/aggregates/command-routes.ts';
import type { AnyAggregate } from '../../../application/aggregate.ts';
import { createClient } from '../../../client/client.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../../testing/memory/commit-storage.ts';
import { catalogue } from '../../support/application.ts';
import { servedApi } from '../../support/served-api.ts';

const { get, post, url } = servedApi();

it('every command takes the time at which it happened', async () => {
  const at = (minute: number) => ({ timestamp: `2020-02-02T10:0${minute}:00.000Z` });
  const agent = { agentType: 'coder', configuration: {}, createdBy: 'me' };
  const { agents, tasks, workflows } = createClient({ url: url() });
  await agents.create({ agentId: 'a', ...agent, ...at(0) });
  await agents.changeState('a', { newState: 'running', reason: 'work', ...at(1) });
  await agents.recordStep('a', { action: 'look', ...at(2) });
  await agents.fork('a', { atVersion: 2, agentId: 'b', ...at(3) });
  await workflows.start({ workflowId: 'w', workflowType: 'permit', initiatedBy: 'me', parameters: {}, ...at(4) });
  await workflows.completeStep('w', { stepId: 's', stepType: 'check', output: {}, ...at(5) });
  await tasks.request({ taskId: 't', requiredAgents: ['a'], payload: {}, deadlineSeconds: 60, ...at(6) });
  await tasks.complete('t', { agentId: 'a', result: null, duration: 1, resources: {}, ...at(7) });
  const { events } = (await get('/events?clock=happened&to=2020-02-02T11:00:00Z')).body;
  const times = events.map(({ type, timestamp, data }: { type: string; timestamp: string; data: object }) => [
    ...[type, timestamp.slice(14, 16), 'timestamp' in data],
  ]);
  expect(times.toSorted((a: string[], b: string[]) => Number(a[1]) - Number(b[1]))).toEqual([
    ['agent.created', '00', false],
    ['agent.state-changed', '01', false],
    ['agent.step-recorded', '02', false],
    ['agent.forked', '03', false],
    ['workflow.started', '04', false],
    ['workflow.step-completed', '05', false],
    ['task.requested', '06', false],
    ['task.completed', '07', false],
  ]);
  expect(await agents.get('a', { at: '2020-02-02T10:01:30Z' })).toMatchObject({ state: 'running', steps: 0 });
});

it('a time in the far future is refused, and so is what is no time', async () => {
  const agent = { agentId: 'f', agentType: 'coder', configuration: {}, createdBy: 'me' };
  const ahead = (hours: number) => ({ timestamp: new Date(Date.now() + hours * 3_600_000).toISOString() });
  expect(await post('/agents', { ...agent, ...ahead(25) })).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'timestamp', message: 'is more than a day in the future' }] },
  });
  expect(await post('/agents', { ...agent, timestamp: 'yesterday' })).toMatchObject({ status: 422 });
  expect(await post('/agents', { ...agent, ...ahead(23) })).toMatchObject({ status: 201 });
  expect(await post('/agents/f/forks', { atVersion: 1, ...ahead(25) })).toMatchObject({ status: 422 });
});

it('a repeat has the same time: another time under its key is another request', async () => {
  const agent = { agentId: 'k', agentType: 'coder', configuration: {}, createdBy: 'me' };
  const key = { 'idempotency-key': 'create-k' };
  const once = { ...agent, timestamp: '2020-02-02T10:00:00Z' };
  expect(await post('/agents', once, key)).toMatchObject({ status: 201 });
  expect(await post('/agents', once, key)).toMatchObject({ status: 200 });
  expect(await post('/agents', { ...agent, timestamp: '2020-02-03T10:00:00Z' }, key)).toMatchObject({ status: 422 });
});

it('a member of a command that is called timestamp goes to the command', async () => {
  const commands: unknown[] = [];
  const aggregate = {
    ...{ aggregateType: 'agent', plural: 'agents', initialState: {}, evolve: (state: object) => state },
    decide: (_: object, command: unknown) => {
      commands.push(command);
      return [];
    },
    commands: { alarm: { body: z.strictObject({ timestamp: z.literal('noon') }) } },
  } as unknown as AnyAggregate;
  const [route] = aggregateCommands([aggregate]);
  const body = JSON.stringify({ timestamp: 'noon' });
  const raw = new Request('http://x/agents/1/alarm', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const context = { correlationId: 'c', causationId: undefined, idempotencyKey: undefined };
  const deps = { store: new EventStore(new MemoryCommitStorage(), { catalogue }), aggregates: [] };
  await route?.respond({ params: { agentId: '1' }, raw, context }, deps);
  expect(commands).toEqual([{ kind: 'alarm', timestamp: 'noon' }]);
});
