import { DynamoDBClient, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { ulid } from 'ulid';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { DynamoCommitStorage } from '../../../../../adapters/aws/dynamodb/commit-storage.ts';
import type { ExpectedVersion } from '../../../../../core/base/versions.ts';
import type { NewEvent } from '../../../../../core/events/catalogue.ts';
import { handleCommand } from '../../../../../core/state/decider.ts';
import { stateFold } from '../../../../../core/state/fold.ts';
import { appendRaw } from '../../../../../core/state/raw-append.ts';
import { StateReader } from '../../../../../core/state/state-reader.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import type { ReadOptions } from '../../../../../core/store/read-range.ts';
import { agentDecider } from '../../../../../domain/agent/agent.ts';
import type { AgentCommand } from '../../../../../domain/agent/agent-commands.ts';
import { catalogue } from '../../../../support/application.ts';
import { fill, newStream, noise, step } from '../../../../support/sample-events.ts';
import { createTables } from '../../../../support/tables.ts';

const client = new DynamoDBClient({});
const requests: { name: string | undefined; input: unknown }[] = [];
interface Capacity {
  readonly CapacityUnits?: number;
}
/** Capacity units of each answer. */
const units: (number | undefined)[] = [];
client.middlewareStack.add(
  (next) => async (args) => {
    const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'TOTAL' } } as typeof args);
    const { ConsumedCapacity } = answer.output as { ConsumedCapacity?: Capacity | readonly Capacity[] };
    const capacity = Array.isArray(ConsumedCapacity) ? ConsumedCapacity : [ConsumedCapacity];
    units.push(capacity.reduce((sum, one) => sum + (one?.CapacityUnits ?? 0), 0));
    return answer;
  },
  { step: 'initialize', priority: 'low' },
);
client.middlewareStack.add(
  (next, { commandName: name }) =>
    (args) => {
      requests.push({ name, input: args.input });
      return next(args);
    },
  { step: 'initialize' },
);

let store: EventStore;
beforeAll(async () => {
  store = new EventStore(new DynamoCommitStorage(client, (await createTables()).events), { catalogue });
});
beforeEach(() => {
  requests.length = 0;
});
afterAll(() => client.destroy());

const sent = () => requests.splice(0).map(({ name }) => name?.replace('Command', ''));

it('an append is a single write; an expected version that may not be the head is checked first', async () => {
  const stream = newStream();
  await store.append(stream, [step('1')], { expectedVersion: 0 });
  expect(sent()).toEqual(['PutItem']);
  await store.append(stream, [step('2')], { expectedVersion: 1, headKnown: true, commitId: 'key' });
  expect(sent()).toEqual(['PutItem']);
  await store.append(stream, [step('3')], { expectedVersion: 2 });
  expect(sent()).toEqual(['Query', 'PutItem']);
});

it('a query looks for the commit of an id, and a get fetches it when it exists', async () => {
  const stream = newStream();
  await store.append(stream, [step('1')], { expectedVersion: 0, commitId: 'key' });
  sent();
  await store.findCommit(stream, 'other');
  expect(sent()).toEqual(['Query']);
  await store.findCommit(stream, 'key');
  expect(sent()).toEqual(['Query', 'GetItem']);
});

it('a raw append that its decider checks reads the head of the stream, and not the start', async () => {
  const states = new StateReader({ store, cacheBytes: 100_000 });
  const aggregates = [agentDecider];
  const agentId = ulid();
  const stream = `agent-${agentId}`;
  const step = { type: 'agent.step-recorded', data: { agentId, action: 'ls' } } as const;
  const append = async (events: readonly NewEvent[], expectedVersion: ExpectedVersion, commitId?: string) => {
    requests.length = 0;
    units.length = 0;
    await appendRaw({ store, states, aggregates }, stream, events, { expectedVersion, commitId });
    return { sent: sent(), units: units.splice(0) };
  };
  const created = { agentId, agentType: 'coder', configuration: {}, createdBy: 'me' };
  const first = await append([{ type: 'agent.created', data: created }], 0);
  expect(first).toEqual({ sent: ['PutItem'], units: [1] });
  // Warm: one query that finds nothing new, in place of the one that would look for the head.
  expect(await append([step], 1)).toEqual({ sent: ['Query', 'PutItem'], units: [1, 1] });
  expect(await append([step], 'any')).toEqual({ sent: ['Query', 'PutItem'], units: [1, 1] });
  requests.length = 0;
  units.length = 0;
  await store.append(stream, [step], { expectedVersion: 'any' });
  expect({ sent: sent(), units: units.splice(0) }).toEqual({ sent: ['Query', 'PutItem'], units: [1, 1] });
  // Cold, of a short stream: one query as well.
  const cold = new StateReader({ store });
  requests.length = 0;
  await appendRaw({ store, states: cold, aggregates }, stream, [step], { expectedVersion: 4 });
  expect(sent()).toEqual(['Query', 'PutItem']);
});

it('a key costs a write unit and its digest nothing; an event id costs two, and doubles the price of its commit', async () => {
  const append = async (options: { commitId?: string; digest?: string }, events: readonly NewEvent[] = [step('1')]) => {
    requests.length = 0;
    units.length = 0;
    await store.append(newStream(), events, { expectedVersion: 0, ...options });
    return { sent: sent(), units: units.splice(0) };
  };
  const digest = 'AAAAAAAAAAAAAAAAAAAAAA';
  expect(await append({})).toEqual({ sent: ['PutItem'], units: [1] });
  expect(await append({ commitId: 'key' })).toEqual({ sent: ['PutItem'], units: [2] });
  expect(await append({ commitId: 'key', digest })).toEqual({ sent: ['PutItem'], units: [2] });
  const named = (id: string): NewEvent => ({ ...step('1'), id });
  expect(await append({}, [named('a')])).toEqual({ sent: ['TransactWriteItems'], units: [4] });
  expect(await append({}, ['a', 'b', 'c', 'd'].map(named))).toEqual({ sent: ['TransactWriteItems'], units: [10] });
});

it('a command that changes nothing writes a note when it has a key, else nothing', async () => {
  const states = new StateReader({ store, cacheBytes: 100_000 });
  const agentId = ulid();
  const options = { states, digest: 'AAAAAAAAAAAAAAAAAAAAAA' };
  const run = async (command: AgentCommand, key: { commitId?: string } = {}) => {
    requests.length = 0;
    units.length = 0;
    const { repeated } = await handleCommand(store, agentDecider, agentId, command, { ...options, ...key });
    return { repeated, sent: sent(), units: units.splice(0).reduce<number>((sum, some = 0) => sum + some, 0) };
  };
  await run({ kind: 'create', agentType: 'coder', configuration: {}, createdBy: 'me' });
  const idle = { kind: 'change-state', newState: 'idle', reason: 'rest' } as const;
  expect(await run(idle)).toEqual({ repeated: false, sent: ['Query', 'PutItem'], units: 2 });
  expect(await run(idle)).toEqual({ repeated: false, sent: ['Query'], units: 1 });
  const keyed = { commitId: ulid() };
  // The index of keys is asked beside the tail of the stream; the note is an item, and one in the index.
  expect(await run(idle, keyed)).toEqual({ repeated: false, sent: ['Query', 'Query', 'PutItem'], units: 4 });
  await run({ ...idle, newState: 'running' });
  expect((await run(idle, keyed)).repeated).toBe(true);
  expect((await states.load(stateFold(agentDecider), `agent-${agentId}`)).state).toEqual({ state: 'running' });
  expect(await run({ kind: 'record-step', action: 'ls' }, { commitId: ulid() })).toMatchObject({
    sent: ['Query', 'Query', 'PutItem'],
    units: 4,
  });
});

it('an append reads everything that it relies on consistently', async () => {
  const stream = newStream();
  await store.append(stream, [{ ...step('1'), id: 'a' }], { expectedVersion: 0, commitId: 'key' });
  requests.length = 0;
  await store.head(stream);
  await store.findCommit(stream, 'key');
  await Array.fromAsync(store.commits(stream));
  const consistent = requests.map(({ input }) => (input as QueryCommandInput).ConsistentRead);
  expect(consistent).toEqual([true, true, true, true]);
  expect(sent()).toEqual(['Query', 'Query', 'GetItem', 'Query']);
});

it('a range takes a single query, or two side by side when it may start inside a commit', async () => {
  const stream = newStream();
  await fill(store, stream, [3, 3, 3]);
  const queries = async (options: ReadOptions & { limit?: number }) => {
    sent();
    await Array.fromAsync(store.read(stream, options));
    return sent().length;
  };
  expect(await queries({})).toBe(1);
  expect(await queries({ to: 5, limit: 2 })).toBe(1);
  expect(await queries({ from: 5 })).toBe(2);
  expect(await queries({ from: 5, to: 5 })).toBe(1);
  expect(await queries({ from: 9, to: 8 })).toBe(0);
  expect(await queries({ direction: 'backward' })).toBe(1);
  expect(await queries({ direction: 'backward', from: 5, to: 2 })).toBe(1);
});

it('the query for a short range of a long stream has a limit, so that no further commit is read and paid', async () => {
  const stream = newStream();
  await fill(
    store,
    stream,
    Array.from({ length: 12 }, () => 1),
  );
  const limits = async (options: ReadOptions & { limit?: number }) => {
    requests.length = 0;
    await Array.fromAsync(store.read(stream, options));
    return requests.map(({ input }) => (input as QueryCommandInput).Limit);
  };
  expect(await limits({ limit: 3 })).toEqual([3]);
  expect(await limits({ to: 4 })).toEqual([4]);
  expect(await limits({ direction: 'backward', limit: 2 })).toEqual([2]);
  expect(await limits({ direction: 'backward', from: 12, to: 10 })).toEqual([3]);
});

it('pages are fetched as the events are taken', async () => {
  const stream = newStream();
  for (let version = 0; version < 4; version++) {
    await store.append(stream, [step(noise(450_000))], { expectedVersion: version, headKnown: true });
  }
  sent();
  const events = store.read(stream);
  for (let taken = 0; taken < 2; taken++) await events.next();
  expect(sent()).toEqual(['Query']);
  expect(await Array.fromAsync(events)).toHaveLength(2);
  expect(sent()).toEqual(['Query']);
});
