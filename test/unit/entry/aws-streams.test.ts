import { expect, it } from 'vitest';
import application from '#application';
import { dynamoDb } from '../../../adapters/aws/clients/clients.ts';
import { DynamoCommitStorage } from '../../../adapters/aws/dynamodb/commit-storage.ts';
import { ValidationError } from '../../../core/base/errors.ts';
import type { NewEvent } from '../../../core/events/catalogue.ts';
import { compileLater } from '../../../core/schemas/compile-later.ts';
import { registerType } from '../../../core/schemas/register-type.ts';
import { EventStore } from '../../../core/store/event-store.ts';
import { streamsOnAws } from '../../../entry/aws-streams.ts';
import { createTables } from '../../support/tables.ts';

it('takes the events of a registered type, checked by its schema', async () => {
  const { events: eventsTable } = await createTables();
  const store = new EventStore(new DynamoCommitStorage(dynamoDb(), eventsTable), {
    catalogue: application.catalogue,
    compile: compileLater,
  });
  const schema = { type: 'object', properties: { total: { type: 'number' } }, required: ['total'] };
  await registerType(store, { type: 'order.placed', aggregateType: 'order', schema, compatibility: 'backward' });
  const streams = streamsOnAws(application, { eventsTable, objectsBucket: 'none' });
  const placed = (data: object) => [{ type: 'order.placed', data }] as unknown as NewEvent[];
  expect((await streams.append('order-1', placed({ total: 1 }))).toVersion).toBe(1);
  await expect(streams.append('order-1', placed({}))).rejects.toThrow(ValidationError);
});
