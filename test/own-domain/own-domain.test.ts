import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoLogStorage } from '../../adapters/aws/dynamodb/log-storage.ts';
import { DynamoSharedViews } from '../../adapters/aws/dynamodb/shared-views.ts';
import { DynamoViewStore } from '../../adapters/aws/dynamodb/view-store.ts';
import { createEngine } from '../../adapters/embedded/engine/engine.ts';
import { type Server, startServer } from '../../bin/serve/server.ts';
import { createClient } from '../../client/client.ts';
import { configureEventSystem } from '../../core/base/configuration.ts';
import { LineageError, NotAdmittedError, ReservedTypeError, ValidationError } from '../../core/base/errors.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { EventLog } from '../../core/log/log.ts';
import { LogWriter } from '../../core/log/writer.ts';
import { Projector } from '../../core/projections/projector.ts';
import { SagaExecution } from '../../core/sagas/execution.ts';
import { handleCommand } from '../../core/state/decider.ts';
import { stateFold } from '../../core/state/fold.ts';
import { appendRaw } from '../../core/state/raw-append.ts';
import { StateReader } from '../../core/state/state-reader.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { olderCommit, storeOlder } from '../support/older-data.ts';
import { createTables } from '../support/tables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import invoices from './app.ts';
import { dunning, invoiceDecider, invoiceStatus, revenue } from './invoice.ts';

const { catalogue } = invoices;
const created = (invoiceId: string, cents = 500): NewEvent => ({
  type: 'invoice.created',
  data: { invoiceId, customer: 'acme', cents },
});
const paid = (invoiceId: string, cents = 500): NewEvent => ({ type: 'invoice.paid', data: { invoiceId, cents } });

it('the parts of core and the embedded engine are typed by these events, and refuse those of another domain', () => {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', 'test/own-domain'], { cwd: root, encoding: 'utf8' });
  expect(stdout).toBe('');
});

describe('an application of invoices on one machine', () => {
  const dataDir = join(temporaryFolder(), 'data');
  const open = () => {
    const settings = configureEventSystem({ event_system: { store: { partition_strategy: 'by_aggregate_type' } } });
    const logger = { warn: vi.fn(), error: vi.fn() };
    const engine = createEngine({ ...invoices, dataDir, settings, logger });
    engine.start();
    const parts = { store: engine.store, states: engine.states, aggregates: invoices.aggregates };
    const append = (stream: string, ...events: NewEvent[]) =>
      appendRaw(parts, stream, events, { expectedVersion: 'any' });
    const history = async (stream: string) =>
      (await Array.fromAsync(engine.store.read(stream))).map(({ type }) => type);
    const stateOf = async (id: string) => (await engine.states.load(stateFold(invoiceDecider), `invoice-${id}`)).state;
    return { engine, logger, append, history, stateOf };
  };

  it('appends, folds, views, logs, runs sagas and continues streams', async () => {
    await storeOlder(dataDir, [
      olderCommit('invoice-old', 1, [
        { type: 'bill.created', version: 1, data: { invoiceId: 'old', customer: 'acme', cents: 7 } },
      ]),
      olderCommit('invoice-older', 1, [
        { type: 'invoice.created', version: 1, data: { invoiceId: 'older', customer: 'acme', euros: 3 } },
      ]),
    ]);
    const { engine, logger, append, history, stateOf } = open();
    const { store, log } = engine;

    await append('invoice-1', created('1'));
    await vi.waitFor(async () => expect(await history('invoice-1')).toEqual(['invoice.created', 'invoice.reminded']));
    await append('invoice-1', paid('1'));
    await vi.waitFor(async () => expect((await history('saga-dunning:1')).at(-1)).toBe('saga.completed'));

    await append('invoice-2', created('2'));
    await vi.waitFor(async () => expect(await history('invoice-2')).toContain('invoice.reminded'));
    const execution = new SagaExecution({ sagas: [dunning], store });
    await execution.take('dunning:2', { kind: 'cancel', reason: 'the customer is gone' });
    await vi.waitFor(async () => expect((await history('saga-dunning:2')).at(-1)).toBe('saga.failed'));
    expect((await history('invoice-2')).at(-1)).toBe('invoice.written-off');

    await handleCommand(store, invoiceDecider, '3', { kind: 'correct', originalId: '1', atVersion: 1 });
    expect(await stateOf('1')).toEqual({ state: 'paid', cents: 500 });
    expect(await stateOf('3')).toEqual({ state: 'open', cents: 500 });
    expect(await stateOf('older')).toEqual({ state: 'open', cents: 300 });
    for (const [id, originalId] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      await handleCommand(store, invoiceDecider, id, { kind: 'correct', originalId, atVersion: 1 });
    }
    await expect(stateOf('a')).rejects.toThrow(LineageError);

    await vi.waitFor(async () =>
      expect((await engine.views.get('invoice-status', 1, '2'))?.view).toEqual({ state: 'lost' }),
    );
    const owed = () => engine.sharedViews.read({ projection: 'revenue', generation: 1 }, 'acme', 1);
    await vi.waitFor(async () =>
      expect(await owed()).toEqual(
        new Map([
          ['/invoices', 4],
          ['/owed', 1307],
          ['/paid', 500],
        ]),
      ),
    );
    await vi.waitFor(() => expect(engine.backlog()).toBe(0));
    const found = await Array.fromAsync(log.getEventsByType('invoice.created'));
    expect(found.map(({ aggregateId }) => aggregateId).toSorted()).toEqual(['1', '2', 'old', 'older']);
    expect(logger.error.mock.calls.map(([message]) => message)).toEqual([]);
    await engine.close();

    const again = open();
    expect(await again.stateOf('1')).toEqual({ state: 'paid', cents: 500 });
    await again.engine.close();
  });
});

describe('an application of invoices on DynamoDB', () => {
  it('appends, folds, views and logs', async () => {
    const tables = await createTables();
    const store = new EventStore(new DynamoCommitStorage(dynamoDb(), tables.events), { catalogue });
    const states = new StateReader({ store });
    const append = (stream: string, ...events: NewEvent[]) =>
      appendRaw({ store, states, aggregates: [invoiceDecider] }, stream, events, { expectedVersion: 'any' });
    await append('invoice-1', created('1'), paid('1'));

    // @ts-expect-error no other application's events are known here
    await expect(append('invoice-2', { type: 'agent.created', data: {} })).rejects.toThrow(ValidationError);
    await expect(append('invoice-2', paid('2'))).rejects.toThrow(NotAdmittedError);
    await expect(append('invoice-2', created('other'))).rejects.toThrow('data.invoiceId has to be 2');
    const reminded: NewEvent = { type: 'invoice.reminded', data: { invoiceId: '1', until: 'later' } };
    await expect(append('invoice-1', reminded)).rejects.toThrow(ReservedTypeError);

    const commits = await Array.fromAsync(store.commits('invoice-1'));
    const views = new DynamoViewStore(dynamoDb(), tables.views);
    const sharedViews = new DynamoSharedViews(dynamoDb(), tables.views);
    const projector = new Projector({ projections: [invoiceStatus, revenue], store, views, sharedViews });
    expect(await projector.apply(commits)).toEqual([]);
    expect((await views.get('invoice-status', 1, '1'))?.view).toEqual({ state: 'paid' });
    expect(await sharedViews.read({ projection: 'revenue', generation: 1 }, 'acme', 1)).toEqual(
      new Map([
        ['/invoices', 1],
        ['/owed', 500],
        ['/paid', 500],
      ]),
    );

    const storage = new DynamoLogStorage(dynamoDb(), tables.log);
    const pages = { storage, catalogue, strategy: 'by_aggregate_type' } as const;
    await new LogWriter({ ...pages, commits: new DynamoCommitStorage(dynamoDb(), tables.events) }).append(commits);
    expect((await storage.last('invoice'))?.count).toBe(2);
    const logged = await Array.fromAsync(new EventLog(pages).getEventsByType('invoice.paid'));
    expect(logged.map(({ sequenceNumber }) => sequenceNumber)).toEqual([2]);
  });
});

describe('an application of invoices over HTTP', () => {
  let server: Server;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  const ask = async (path: string, body?: unknown): Promise<{ status: number; body: any }> => {
    const post = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(`${server.url}${path}`, body === undefined ? {} : post);
    return { status: response.status, body: await response.json() };
  };
  beforeAll(async () => {
    const dataDir = join(temporaryFolder(), 'data');
    server = await startServer({ port: 0, dataDir, annals: invoices, logger: { warn: vi.fn(), error: vi.fn() } });
  });
  afterAll(() => server.close());

  it('has the routes of its aggregates, and none of another application', async () => {
    expect(await ask('/invoices', { invoiceId: 'h1', customer: 'acme', cents: 5 })).toMatchObject({
      status: 201,
      body: { invoiceId: 'h1', version: 1 },
    });
    expect(await ask('/invoices', { customer: 'acme', cents: 0 })).toMatchObject({ status: 422 });
    const paid = await ask('/invoices/h1/pay', {});
    expect(paid).toMatchObject({ status: 201, body: { invoiceId: 'h1' } });
    expect(await ask(`/invoices/h1?waitFor=${paid.body.version}`)).toMatchObject({ body: { state: 'paid' } });
    expect(await ask('/invoices?state=paid&lost=no')).toMatchObject({ body: { invoices: [{ state: 'paid' }] } });
    expect(await ask('/invoices/h1/pay', {})).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
    expect(await ask('/invoices/h2/pay', {})).toMatchObject({ status: 409, body: { code: 'COMMAND_REJECTED' } });
    for (const path of ['/agents', '/invoices/h1/remind', '/v1/traces'])
      expect(await ask(path, {})).toMatchObject({ status: 404 });
  });

  it('has a client with the types of its aggregates', async () => {
    const client = createClient({ url: server.url }).aggregate<typeof invoiceDecider>('invoices');
    const made = await client.create({ invoiceId: 'c1', customer: 'acme', cents: 5 });
    expect(made).toEqual({ invoiceId: 'c1', version: 1, repeated: false });
    const { version } = await client.send('c1', 'pay', {});
    const view = await client.get('c1', { waitFor: version });
    expect(view.state).toBe('paid');
    expect((await client.list({ state: 'paid', lost: 'no' })).views[0]?.state).toBe('paid');
    // @ts-expect-error an internal command has no route
    await expect(client.send('c1', 'remind', { until: 'later' })).rejects.toThrow('404');
    // @ts-expect-error a customer is a text
    await expect(client.create({ customer: 1, cents: 5 })).rejects.toThrow('customer');
  });

  it('admits the raw events that its commands would write', async () => {
    const append = (...events: NewEvent[]) => ask('/streams/invoice-raw/events', { expectedVersion: 'any', events });
    expect(await append(paid('raw'))).toMatchObject({ status: 409, body: { code: 'NOT_ADMITTED' } });
    expect(await append(created('raw'), paid('raw'))).toMatchObject({ status: 201 });
    expect((await append(paid('raw'))).body.detail).toContain('invoice raw is paid');
  });

  it('is described by its document', async () => {
    const { body } = await ask('/openapi.json');
    const names = Object.values<Record<string, { operationId: string }>>(body.paths)
      .flatMap((methods) => Object.values(methods))
      .map(({ operationId }) => operationId);
    const own = ['createInvoice', 'payInvoice', 'refuseInvoice', 'listInvoices', 'getInvoice'];
    expect(names).toEqual(expect.arrayContaining(own));
    expect(Object.keys(body.components.schemas)).toEqual(
      expect.arrayContaining(['InvoiceView', 'NewInvoicePaidEvent']),
    );
    expect(JSON.stringify(body)).not.toMatch(/agent\.created|createAgent/);
  });

  it('compares two streams by what the aggregate says', async () => {
    for (const id of ['left', 'right']) await ask('/invoices', { invoiceId: id, customer: 'ann', cents: 5 });
    await ask('/invoices/right/pay', {});
    const { body } = await ask('/invoices/left/diff?with=right');
    expect(body).toMatchObject({ invoiceId: 'left', with: 'right', equal: false, common: null });
    const paid = body.steps.find(({ action }: { action: string }) => action === 'invoice.paid');
    expect(paid).toMatchObject({ right: { invoiceId: 'right' } });
  });
});
