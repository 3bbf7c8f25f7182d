import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { DynamoCommitStorage } from '../../../../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../../../../../adapters/aws/dynamodb/control-store.ts';
import { DynamoGenerationStore } from '../../../../../adapters/aws/dynamodb/generation-store.ts';
import { DynamoSagaTokens } from '../../../../../adapters/aws/dynamodb/saga-tokens.ts';
import { DynamoViewStore } from '../../../../../adapters/aws/dynamodb/view-store.ts';
import { CorruptDataError, UnavailableError } from '../../../../../core/base/errors.ts';
import { freePort } from '../../../../support/dynamodb-emulator.ts';

const commit = {
  stream: 'agent-42',
  version: 1,
  count: 1,
  commitId: 'key',
  keyed: true,
  recordedAt: '2026-01-05T09:00:00.123Z',
  types: ['agent.step-recorded'],
  body: new Uint8Array([0, 91, 93]),
};
const view = { projection: 'agents', generation: 1, key: '42', version: 1, group: 'idle', view: {} };

/** @param requestTimeout milliseconds; without it, a busy machine cannot turn a refusal into a late answer */
function adapters(port: number, requestTimeout?: number) {
  const requestHandler = requestTimeout ? { requestTimeout, throwOnRequestTimeout: true } : {};
  const client = new DynamoDBClient({ endpoint: `http://127.0.0.1:${port}`, maxAttempts: 1, requestHandler });
  onTestFinished(() => client.destroy());
  const [storage, views] = [new DynamoCommitStorage(client, 'events'), new DynamoViewStore(client, 'views')];
  const [control, tasks] = [new DynamoControlStore(client, 'control'), new DynamoSagaTokens(client, 'tasks')];
  const generations = new DynamoGenerationStore(client, 'views');
  const calls = {
    put: () => storage.put(commit),
    head: () => storage.head('agent-42'),
    find: () => storage.find('agent-42', 'key'),
    read: () => Array.fromAsync(storage.read('agent-42', { from: 2, to: 9, direction: 'forward' })),
    getView: () => views.get('agents', 1, '42'),
    putView: () => views.put(view, 0),
    listViews: () => views.list('agents', 1, 'idle', { limit: 10 }),
    documentGet: () => control.get('replay', '1'),
    documentPut: () => control.put('replay', '1', {}, 0),
    documentRemove: () => control.remove('replay', '1', 1),
    documentList: () => control.list('replay', { limit: 10 }),
    documentTasks: () => tasks.ofSaga('task:1'),
    documentTask: () =>
      tasks.put({ sagaId: 'task:1', step: 's', item: 'i', token: 't', parties: [], deadline: commit.recordedAt }),
    documentVersions: () => generations.versions('agents', 1, ['42']),
    documentViews: () => generations.remove('agents', 1, ['42']),
  };
  return Object.entries(calls);
}

/** A DynamoDB that gives every request the same answer. */
async function answering(answer: (response: ServerResponse) => void, requestTimeout?: number) {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server has no port');
  return adapters(address.port, requestTimeout);
}

const refusing = (status: number, type: string, message = 'no') =>
  answering((response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }));
  });

it('every call to a missing service fails with an UnavailableError and its cause', async () => {
  for (const [name, call] of adapters(await freePort())) {
    const error: unknown = await call().catch((thrown: unknown) => thrown);
    expect(error, name).toBeInstanceOf(UnavailableError);
    expect(error, name).toHaveProperty('cause.code', 'ECONNREFUSED');
  }
});

it('every call to a service that does not answer in time fails with an UnavailableError', async () => {
  for (const [name, call] of await answering(() => {}, 100)) {
    const error: unknown = await call().catch((thrown: unknown) => thrown);
    expect(error, name).toBeInstanceOf(UnavailableError);
    expect(error, name).toHaveProperty('cause.name', 'TimeoutError');
  }
});

it('every call to a service that hangs up fails with an UnavailableError', async () => {
  for (const [name, call] of await answering((response) => response.destroy())) {
    await expect(call(), name).rejects.toThrow(UnavailableError);
  }
});

for (const [status, type] of [
  [400, 'ThrottlingException'],
  [400, 'ProvisionedThroughputExceededException'],
  [400, 'RequestLimitExceeded'],
  [500, 'InternalServerError'],
  [503, 'ServiceUnavailable'],
  [400, 'ResourceNotFoundException'],
  [400, 'AccessDeniedException'],
  [400, 'ExpiredTokenException'],
  [400, 'LimitExceededException'],
] as const) {
  it(`${type} turns into an UnavailableError in every call`, async () => {
    for (const [name, call] of await refusing(status, type))
      await expect(call(), name).rejects.toThrow(UnavailableError);
  });
}

it('ValidationException is a fault of the item and is thrown unchanged', async () => {
  for (const [name, call] of await refusing(
    400,
    'ValidationException',
    'Item size has exceeded the maximum allowed size',
  ))
    await expect(call(), name).rejects.toHaveProperty('name', 'ValidationException');
});

it('an item that is no commit, or no view, causes a CorruptDataError that names its place', async () => {
  const item = {
    stream: { S: 'main/agent-42' },
    version: { N: '3' },
    key: { S: '42' },
    view: { S: 'main/agents/1/42' },
    body: { S: '[' }, // no bytes, as a commit has, and no JSON, as a view has
  };
  const calls = await answering((response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify({ Items: [item], Item: item, Responses: { views: [item] } }));
  });
  for (const [name, call] of calls.filter(([called]) => !/^(put|document)/.test(called))) {
    const error: unknown = await call().catch((thrown: unknown) => thrown);
    expect(error, name).toBeInstanceOf(CorruptDataError);
    expect(String(error), name).toMatch(/agent-42|main\/agents\/1\/42/);
  }
});
