import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, expect, it, vi } from 'vitest';
import { observeClients } from '../../../../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../../../../adapters/aws/dynamodb/commit-storage.ts';
import { DynamoControlStore } from '../../../../../adapters/aws/dynamodb/control-store.ts';
import { bucketObjects } from '../../../../../adapters/aws/s3/bucket.ts';
import { type ObservableClient, observeClient } from '../../../../../adapters/aws/telemetry/observe-client.ts';
import { UnavailableError } from '../../../../../core/base/errors.ts';
import { EventStore } from '../../../../../core/store/event-store.ts';
import { catalogue } from '../../../../support/application.ts';
import { recordTelemetry } from '../../../../support/recorded-telemetry.ts';
import { newStream, noise, step } from '../../../../support/sample-events.ts';
import { createTables } from '../../../../support/tables.ts';

const client = new DynamoDBClient({});
afterAll(() => client.destroy());

it('every call is a span, and the capacity units that DynamoDB reports are counted', async () => {
  const { metrics, tracer, spans, counted } = recordTelemetry();
  const { events, control } = await createTables();
  observeClient(client as ObservableClient, {
    metrics,
    tracer,
    tables: { [events]: 'events', [control]: 'control' },
    tenant: 'main',
  });
  const store = new EventStore(new DynamoCommitStorage(client, events), { catalogue });
  const stream = newStream();
  await tracer.service('annals', undefined, {}, async () => {
    await store.append(stream, [step(noise(3_000))], { expectedVersion: 0 });
    await expect(store.append(stream, [step('late')], { expectedVersion: 0 })).rejects.toThrow('expected 0');
  });
  const write = { operation: 'PutItem', table: 'events', kind: 'write', tenant: 'main' };
  const [first, ...others] = counted('capacity_units_total');
  expect(first).toMatchObject(write);
  expect(first?.value).toBeGreaterThanOrEqual(3);
  expect(others).toContainEqual({
    operation: 'Query',
    table: 'events',
    kind: 'read',
    tenant: 'main',
    value: expect.any(Number),
  });
  const before = counted('capacity_units_total').length;
  await new DynamoControlStore(client, control).put('replay', 'r-1', { state: 'running' }, 0); // by the document client
  expect(counted('capacity_units_total').slice(before)).toContainEqual({ ...write, table: 'control', value: 2 });
  const puts = spans.filter(({ aws }) => aws?.['operation'] === 'PutItem');
  expect(puts).toMatchObject([
    { name: 'DynamoDB', namespace: 'aws', aws: { table_name: events } },
    { error: true }, // the race that was lost is no fault
  ]);
  expect(puts[0]).not.toHaveProperty('error');
});

it('the client of S3, which is loaded at its first use, is observed as well', async () => {
  const { metrics, tracer, spans } = recordTelemetry();
  observeClients((made) => observeClient(made, { metrics, tracer, tables: {}, tenant: 'main' }));
  vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://127.0.0.1:9'); // nobody answers there
  const get = () => bucketObjects('bucket').get('snapshots/agent-42/1');
  await expect(tracer.service('annals', undefined, {}, get)).rejects.toThrow(UnavailableError);
  expect(spans).toContainEqual(expect.objectContaining({ name: 'S3', aws: { operation: 'GetObject' }, fault: true }));
});
