import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dynamoDb } from '../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoSagaTokens } from '../adapters/aws/dynamodb/saga-tokens.ts';
import { createEngine } from '../adapters/embedded/engine/engine.ts';
import type { DomainEvent } from '../core/events/catalogue.ts';
import { SagaExecution } from '../core/sagas/execution.ts';
import { sagaIdOf } from '../core/sagas/saga.ts';
import { SagaCallbacks } from '../core/sagas/step-functions/callbacks.ts';
import { handleCommand } from '../core/state/decider.ts';
import { EventStore } from '../core/store/event-store.ts';
import agents from '../domain/application.ts';
import { multiAgentTask } from '../domain/task/multi-agent-task-saga.ts';
import { taskDecider } from '../domain/task/task.ts';
import type { TaskCommand } from '../domain/task/task-commands.ts';
import { compileSaga, type State } from '../lib/sagas/saga-machine.ts';
import { catalogue } from '../test/support/application.ts';
import { createTables } from '../test/support/tables.ts';
import { withEmulator } from './harness/emulator.ts';
import { meteredClient } from './harness/metered-client.ts';

const { projections, sagas } = agents;

/** Number of sagas at once, each with three agents that answer immediately. */
const SAGAS = Number(process.argv[3] ?? 1_000);
const AGENTS = ['a', 'b', 'c'];

/** Price of a state transition of standard workflows in us-east-1 and eu-central-1, USD. */
const USD_PER_TRANSITION = 0.000025;

const logger = { warn: console.warn, error: console.error };
const megabytes = (bytes: number) => Number((bytes / 1024 / 1024).toFixed(1));

async function manyAtOnce() {
  const dataDir = mkdtempSync(join(tmpdir(), 'annals-bench-'));
  const engine = createEngine({ catalogue, dataDir, projections, sagas, logger });
  const ids = Array.from({ length: SAGAS }, (_, n) => `t-${n}`);
  const part = { result: { ok: true }, duration: 1, resources: {} };
  const assigned: { readonly taskId: string; readonly agentId: string }[] = [];
  const allAsked = Promise.withResolvers<void>();
  engine.bus.subscribe('task.assigned', ({ data }) => {
    if (assigned.push(data) === SAGAS * AGENTS.length) allAsked.resolve();
  });
  const done = Promise.withResolvers<void>();
  let completed = 0;
  engine.bus.subscribe('saga.completed', () => {
    if (++completed === SAGAS) done.resolve();
  });
  engine.start();
  const before = process.memoryUsage().rss;
  const began = performance.now();
  await Promise.all(
    ids.map((taskId) =>
      handleCommand(engine.store, taskDecider, taskId, {
        ...{ kind: 'request', requiredAgents: [...AGENTS], payload: {}, deadlineSeconds: 3600 },
      }),
    ),
  );
  await allAsked.promise;
  const asked = performance.now();
  const waiting = process.memoryUsage().rss;
  await Promise.all(
    assigned.map(({ taskId, agentId }) =>
      handleCommand(engine.store, taskDecider, taskId, { kind: 'complete', agentId, ...part }),
    ),
  );
  await done.promise;
  const ended = performance.now();
  const { commits, bytes } = await measureHistory(engine, ids);
  await engine.close();
  rmSync(dataDir, { recursive: true });
  return {
    sagas: SAGAS,
    'all assigned, s': ((asked - began) / 1_000).toFixed(2),
    'all completed, s': ((ended - began) / 1_000).toFixed(2),
    'sagas a second': (SAGAS / ((ended - began) / 1_000)).toFixed(0),
    'memory while all wait, MB more': megabytes(waiting - before),
    'commits in a history': (commits / SAGAS).toFixed(1),
    'bytes of a history': (bytes / SAGAS).toFixed(0),
  };
}

async function measureHistory(engine: Pick<ReturnType<typeof createEngine>, 'store'>, ids: readonly string[]) {
  let [commits, bytes] = [0, 0];
  for (const taskId of ids) {
    for await (const commit of engine.store.commits(`saga-${sagaIdOf(multiAgentTask, taskId)}`)) {
      commits++;
      bytes += commit.body.length;
    }
  }
  return { commits, bytes };
}

/** The states that a machine enters when all agents complete. AWS charges a transition for each of them. */
function transitions(agents: number): number {
  const { StartAt, States } = compileSaga(multiAgentTask, { taskFunction: 'saga-task' });
  const items = Array.from({ length: agents }, () => []);
  const groups = Array.from({ length: Math.ceil(agents / 40) }, (_, n) => items.slice(n * 40, (n + 1) * 40));
  return entered(StartAt, States, groups);
}

/** A Map enters its inner states once for each item. */
function entered(name: string | undefined, states: Readonly<Record<string, State>>, items: readonly unknown[]): number {
  const state = name === undefined ? undefined : states[name];
  if (!state) return 0;
  const inner = state.ItemProcessor;
  const inside = inner ? items.map((item) => entered(inner.StartAt, inner.States, item as unknown[])) : [];
  return 1 + inside.reduce((sum, each) => sum + each, 0) + entered(state.Next ?? state.Default, states, []);
}

/** The requests of the two functions of sagas to DynamoDB, for a saga whose agents all complete. */
async function measureFunctions(agents: number) {
  const { client, measure } = meteredClient();
  const { events, sagaTokens } = await createTables();
  const store = new EventStore(new DynamoCommitStorage(client, events), { catalogue });
  const outside = new EventStore(new DynamoCommitStorage(dynamoDb(), events), { catalogue });
  let calls = 0;
  const machines = { start: async () => {}, succeed: async () => {}, fail: async () => {} };
  const tokens = new DynamoSagaTokens(client, sagaTokens);
  const callbacks = new SagaCallbacks({ execution: new SagaExecution({ sagas, store }), tokens, machines });
  const names = Array.from({ length: agents }, (_, n) => `agent-${n}`);
  const sagaId = sagaIdOf(multiAgentTask, 't');
  const said = async (command: TaskCommand): Promise<DomainEvent> => {
    await handleCommand(outside, taskDecider, 't', command);
    const [event] = await Array.fromAsync(outside.read('task-t', { direction: 'backward', limit: 1 }));
    if (!event) throw new Error('no event');
    return event;
  };
  const bill = { requests: 0, readUnits: 0, writeUnits: 0 };
  const metered = async (work: () => Promise<unknown>) => {
    calls++;
    const { requests, readUnits, writeUnits } = await measure(work);
    bill.requests += requests;
    bill.readUnits += readUnits;
    bill.writeUnits += writeUnits;
  };
  const order = { requiredAgents: names, payload: {}, deadlineSeconds: 3600 };
  const requested = await said({ kind: 'request', ...order });
  await metered(() => callbacks.event(requested));
  for (const [n, name] of names.entries())
    await metered(() => callbacks.ask(sagaId, name, `token-${n}`.padEnd(700, 'x')));
  for (const agentId of names) {
    const answered = await said({ kind: 'complete', agentId, result: { ok: true }, duration: 1, resources: {} });
    await metered(() => callbacks.event(answered));
  }
  await metered(() => callbacks.round(sagaId));
  return { agents, 'function calls': calls, ...bill };
}

console.log('sagas at once, one machine');
console.table([await manyAtOnce()]);
console.log('the two functions on AWS, one saga');
await withEmulator(async () =>
  console.table([await measureFunctions(1), await measureFunctions(3), await measureFunctions(10)]),
);
console.log('Step Functions, one saga');
console.table(
  [1, 3, 10, 100].map((agents) => ({
    agents,
    'state transitions': transitions(agents),
    'USD per 1,000 sagas': (transitions(agents) * USD_PER_TRANSITION * 1_000).toFixed(3),
  })),
);
