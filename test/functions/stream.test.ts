import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import { ulid } from 'ulid';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { type BundledFunctions, bundledFunctions } from '../support/bundled-functions.ts';
import { eventBridgeRecorder } from '../support/event-bridge.ts';
import { streamEventOf } from '../support/lambda-events.ts';
import { createTables } from '../support/tables.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
const eventBridge = await eventBridgeRecorder();
let functions: BundledFunctions;
let table: string;
beforeAll(async () => {
  const { events, views, control, log } = await createTables();
  table = events;
  functions = bundledFunctions(folder, {
    EVENTS_TABLE: events,
    VIEWS_TABLE: views,
    CONTROL_TABLE: control,
    LOG_TABLE: log,
    OBJECTS_BUCKET: 'none', // the streams are too short to need it
    EVENT_BUS: 'annals-test',
    REPLAY_STATE_MACHINE: 'arn:aws:states:eu-central-1:123456789012:stateMachine:none',
    FAILURES_BUCKET: 'objects',
    PROJECTOR_FUNCTION: 'Projector',
    RELAY_FUNCTION: 'Relay',
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
  });
});
beforeEach(() => {
  eventBridge.entries.length = 0;
  eventBridge.control.refuses = () => false;
  eventBridge.control.denies = undefined;
});

/** An agent with two steps, in two commits. @returns its id and its stream records */
async function agentWithSteps(): Promise<{ agentId: string; records: DynamoDBRecord[] }> {
  const agentId = ulid();
  const body = { agentId, agentType: 'coder', configuration: {}, createdBy: 'test' };
  await functions.http('command', { method: 'POST', path: '/agents', body });
  const step = (action: string) => ({ type: 'agent.step-recorded', data: { agentId, action } });
  await functions.http('command', {
    method: 'POST',
    path: `/streams/agent-${agentId}/events`,
    body: { expectedVersion: 1, events: [step('read'), step('edit')] },
  });
  const { Records } = await streamEventOf(table);
  return { agentId, records: Records.filter((record) => streamOf(record) === `main/agent-${agentId}`) };
}

const streamOf = ({ dynamodb }: DynamoDBRecord) => dynamodb?.Keys?.['stream']?.S;
const numberOf = (record: DynamoDBRecord | undefined) => record?.dynamodb?.SequenceNumber;
const viewOf = (agentId: string) => functions.http('query', { method: 'GET', path: `/agents/${agentId}` });

/** The same record with an item that is not a commit. */
function unreadable(record: DynamoDBRecord): DynamoDBRecord {
  const { count: _, ...NewImage } = record.dynamodb?.NewImage ?? {};
  return { ...record, dynamodb: { ...record.dynamodb, NewImage } };
}

/** The same record with events that cannot be decoded. */
function undecodable(record: DynamoDBRecord): DynamoDBRecord {
  const NewImage = { ...record.dynamodb?.NewImage, body: { B: Buffer.from('?').toString('base64') } };
  return { ...record, dynamodb: { ...record.dynamodb, NewImage } };
}

/** Overwrites the stored events of a commit, which Annals never does. */
async function damage(stream: string, version: number): Promise<void> {
  const update = new UpdateItemCommand({
    TableName: table,
    Key: { stream: { S: stream }, version: { N: String(version) } },
    UpdateExpression: 'SET body = :rubbish',
    ExpressionAttributeValues: { ':rubbish': { B: Buffer.from('?') } },
  });
  await dynamoDb().send(update);
}

describe('the projector', () => {
  it('applies the commits of the command function to a view', async () => {
    const { agentId, records } = await agentWithSteps();
    expect(records).toHaveLength(2);
    expect(await functions.stream('projector', { Records: records })).toEqual({ batchItemFailures: [] });
    const view = await viewOf(agentId);
    expect(view).toMatchObject({ status: 200, body: { agentId, steps: 2, lastAction: 'edit', version: 3 } });
    expect(view.headers['x-view-version']).toBe('3');
  });

  it('handles repeated, late and missing records', async () => {
    const { agentId, records } = await agentWithSteps();
    const [first, second] = records;
    await functions.stream('projector', { Records: [second] });
    expect((await viewOf(agentId)).body).toMatchObject({ steps: 2, version: 3 });
    await functions.stream('projector', { Records: [second, first, second] });
    expect((await viewOf(agentId)).body).toMatchObject({ steps: 2, version: 3 });
  });

  it('reads missing commits from the table', async () => {
    const [agentA, agentB] = [await agentWithSteps(), await agentWithSteps()];
    const [damaged, undecoded] = agentB.records;
    if (!damaged || !undecoded) throw new Error('the stream lacks records');
    const Records = [unreadable(damaged), ...agentA.records, undecodable(undecoded)];
    expect(await functions.stream('projector', { Records })).toEqual({ batchItemFailures: [] });
    for (const { agentId } of [agentA, agentB]) expect((await viewOf(agentId)).body).toMatchObject({ version: 3 });
  });

  it('parks a stream with a commit that cannot be decoded, and continues with all other streams', async () => {
    const [agentA, agentB] = [await agentWithSteps(), await agentWithSteps()];
    await damage(`main/agent-${agentB.agentId}`, 2);
    const Records = [...agentB.records.map(undecodable), ...agentA.records];
    expect(await functions.stream('projector', { Records })).toEqual({ batchItemFailures: [] });
    expect((await viewOf(agentA.agentId)).body).toMatchObject({ version: 3 });
    expect((await viewOf(agentB.agentId)).body).toMatchObject({ version: 1, steps: 0 });
    const { body } = await functions.http('query', { method: 'GET', path: '/projections' });
    expect(body.projections).toContainEqual(expect.objectContaining({ name: 'agent-status', deadLetters: 1 }));
  });
});

describe('the relay', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('publishes every event as the HTTP API returns it', async () => {
    const { agentId, records } = await agentWithSteps();
    expect(await functions.stream('relay', { Records: records })).toEqual({ batchItemFailures: [] });
    expect(eventBridge.entries.map(({ DetailType }) => DetailType)).toEqual([
      'agent.created',
      'agent.step-recorded',
      'agent.step-recorded',
    ]);
    for (const { EventBusName, Source } of eventBridge.entries) {
      expect([EventBusName, Source]).toEqual(['annals-test', 'annals.agent']);
    }
    const stream = await functions.http('query', { method: 'GET', path: `/streams/agent-${agentId}/events` });
    expect(eventBridge.entries.map(({ Detail }) => JSON.parse(Detail))).toEqual(stream.body.events);
  });

  it('publishes other events after a failure, and reports the first record to retry', async () => {
    const [agentA, agentB, agentC] = [await agentWithSteps(), await agentWithSteps(), await agentWithSteps()];
    eventBridge.control.refuses = ({ Detail }) => JSON.parse(Detail).aggregateId === agentB.agentId;
    const Records = [...agentA.records, ...agentB.records, ...agentC.records];
    const answer = await functions.stream('relay', { Records });
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: numberOf(agentB.records[0]) }] });
    const published = new Set(eventBridge.entries.map(({ Detail }) => JSON.parse(Detail).aggregateId));
    expect(published).toEqual(new Set([agentA.agentId, agentC.agentId]));
  });

  it.each(['AccessDeniedException', 'ResourceNotFoundException'])(
    'parks nothing while the bus answers %s, and publishes everything after a retry',
    async (denial) => {
      const agents = [];
      for (let agent = 0; agent < 20; agent += 1) agents.push(await agentWithSteps());
      const Records = agents.flatMap(({ records }) => records);
      eventBridge.control.denies = denial;
      const denied = await functions.stream('relay', { Records });
      expect(denied).toEqual({ batchItemFailures: [{ itemIdentifier: numberOf(Records[0]) }] });
      expect(eventBridge.entries).toEqual([]);

      eventBridge.control.denies = undefined;
      vi.setSystemTime(Date.now() + 11_000); // the circuit breaker stays open for 10 s
      expect(await functions.stream('relay', { Records })).toEqual({ batchItemFailures: [] });
      // Requests overlap, so only the events of a stream keep their order.
      const published = Map.groupBy(
        eventBridge.entries.map(({ Detail }) => JSON.parse(Detail)),
        ({ aggregateId }) => aggregateId,
      );
      const numbers = [...published].map(([id, events]) => [id, events.map(({ sequenceNumber }) => sequenceNumber)]);
      expect(Object.fromEntries(numbers)).toEqual(
        Object.fromEntries(agents.map(({ agentId }) => [agentId, [1, 2, 3]])),
      );
      for (const { agentId } of agents) {
        expect(
          (await functions.http('query', { method: 'GET', path: `/dead-letters/bus:agent-${agentId}` })).status,
        ).toBe(404);
      }
    },
  );

  it('parks a stream with a commit that cannot be decoded, and publishes it when it is redriven', async () => {
    const { agentId, records } = await agentWithSteps();
    const [first, second] = records;
    if (!first || !second) throw new Error('the stream lacks records');
    const answer = await functions.stream('relay', { Records: [first, undecodable(second)] });
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(eventBridge.entries).toHaveLength(1);

    const id = `bus:agent-${agentId}`;
    const letter = await functions.http('query', { method: 'GET', path: `/dead-letters/${id}` });
    expect(letter).toMatchObject({ status: 200, body: { id, projection: 'bus', applied: 1, version: 2 } });
    const redriven = await functions.http('operate', { method: 'POST', path: `/dead-letters/${id}/redrive` });
    expect(redriven).toMatchObject({ status: 200, body: { id, outcome: 'redriven', from: 1, to: 3 } });
    expect(eventBridge.entries).toHaveLength(3);
    expect((await functions.http('query', { method: 'GET', path: `/dead-letters/${id}` })).status).toBe(404);
  });
});
