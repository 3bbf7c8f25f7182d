import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { deployedClient } from './client.ts';

/** A typical subscriber: a rule on the bus, and a queue that it feeds. */
const subscriber = (EventBusName: string) => ({
  Resources: {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { SqsManagedSseEnabled: true } },
    Rule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventBusName,
        EventPattern: { source: ['annals.agent'], 'detail-type': ['agent.created', 'agent.step-recorded'] },
        Targets: [{ Id: 'queue', Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] } }],
      },
    },
    Policy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Queue' }],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
              Condition: { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': ['Rule', 'Arn'] } } },
            },
          ],
        },
      },
    },
  },
  Outputs: { QueueUrl: { Value: { Ref: 'Queue' } } },
});

interface Delivered {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: { readonly id: string; readonly aggregateId: string };
}

const client = deployedClient();
const cloudFormation = new CloudFormationClient();
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const StackName = `annals-test-subscriber-${ulid().toLowerCase()}`;
let QueueUrl: string | undefined;

beforeAll(async () => {
  const TemplateBody = JSON.stringify(subscriber(inject('deployment').eventBus));
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
  await waitUntilStackCreateComplete({ client: cloudFormation, maxWaitTime: 100, minDelay: 1 }, { StackName });
  const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
  QueueUrl = Stacks?.[0]?.Outputs?.[0]?.OutputValue;
});
afterAll(async () => void (await cloudFormation.send(new DeleteStackCommand({ StackName }))));

/** Takes messages off the queue until `enough` is satisfied with those of one aggregate, or 60 s are over. */
async function received(aggregateId: string, enough: (all: readonly Delivered[]) => boolean): Promise<Delivered[]> {
  const all: Delivered[] = [];
  for (const end = Date.now() + 60_000; !enough(all) && Date.now() < end; ) {
    const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 });
    const { Messages = [] } = await sqs.send(receive);
    const delivered = Messages.map(({ Body = '' }) => JSON.parse(Body) as Delivered);
    all.push(...delivered.filter(({ detail }) => detail.aggregateId === aggregateId));
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
  return all;
}

const ids = (all: readonly Delivered[]) => new Set(all.map(({ detail }) => detail.id));

describe('the bus', () => {
  it('brings a subscriber the events it asked for, as the API gives them, and no others', async () => {
    const agentId = ulid();
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
    await client.agents.changeState(agentId, { newState: 'running', reason: 'work' });
    await client.agents.recordStep(agentId, { action: 'edit' });
    const delivered = await received(agentId, (all) => ids(all).size >= 2);
    const { events } = await client.readStream(`agent-${agentId}`);
    const wanted = events.filter(({ type }) => type !== 'agent.state-changed');
    expect(ids(delivered)).toEqual(new Set(wanted.map(({ id }) => id)));
    for (const { source, detail, ...entry } of delivered) {
      const event = wanted.find(({ id }) => id === detail.id);
      expect(source).toBe('annals.agent');
      expect(entry['detail-type']).toBe(event?.type);
      expect(detail).toEqual(event);
    }
  });

  it('brings every event of a commit with many', async () => {
    const agentId = ulid();
    const events = Array.from({ length: 25 }, (_, index) => ({
      type: 'agent.step-recorded' as const,
      data: { agentId, action: `step ${index + 1}` },
    }));
    await client.agents.create({ agentId, agentType: 'coder', configuration: {}, createdBy: 'test' });
    const { eventIds } = await client.append(`agent-${agentId}`, { expectedVersion: 1, events });
    const delivered = await received(agentId, (all) => ids(all).size >= 26);
    expect([...ids(delivered)]).toEqual(expect.arrayContaining([...eventIds]));
  });
});
