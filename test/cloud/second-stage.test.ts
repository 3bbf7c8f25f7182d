import {
  CloudFormationClient,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { deploy, destroy, type Outputs } from '../../bin/cloud/deploy.ts';
import { cloudFolder } from '../../bin/cloud/shell.ts';
import type { AnnalsClient } from '../../client/client.ts';
import type { NewEvent } from '../../core/events/catalogue.ts';
import { eventBridgeRecorder } from '../support/event-bridge.ts';
import { addressed, newStream, steps } from '../support/sample-events.ts';
import { ask, deployedClient } from './client.ts';

const which = { stage: 'staging', partitionStrategy: 'sharded' } as const;
const endpoint = process.env['AWS_ENDPOINT_URL'] ?? '';
const deployIt = () => deploy(endpoint, cloudFolder, () => {}, which);
const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 90_000, interval: 500 });
const PATIENCE = { timeout: 400_000 };
const begun: NewEvent = {
  type: 'agent.created',
  data: { agentId: '42', agentType: 'coder', configuration: {}, createdBy: 'test' },
};

// On an account a stage is deployed by whoever owns it, not by a test.
describe.runIf(inject('deployment').emulated)('a second stage in the account, its log sharded', () => {
  const [cloudFormation, lambda] = [new CloudFormationClient(), new LambdaClient()];
  const first = deployedClient();
  let outputs: Outputs;
  let second: AnnalsClient;
  const apiUrl = () => (outputs['ApiUrl'] ?? '').replace(/\/$/, '');
  /** Every event of the second stage, by its stream, in the order of the appends. */
  const appended = new Map<string, string[]>();

  async function append(stream: string, count: number): Promise<void> {
    const events = appended.has(stream) ? steps(count) : [begun, ...steps(count - 1)];
    const { eventIds } = await second.append(stream, { expectedVersion: 'any', events: addressed(stream, events) });
    appended.set(stream, [...(appended.get(stream) ?? []), ...eventIds]);
  }

  /** The log of the second stage from its start on, as long as there are events that were appended and not found. */
  async function readLog(limit: number): Promise<Map<string, string[]>> {
    const found = new Map<string, string[]>();
    const all = [...appended.values()].flat().length;
    let seen = 0;
    for await (const { id, aggregateType, aggregateId } of second.follow({ limit })) {
      const stream = `${aggregateType}-${aggregateId}`;
      found.set(stream, [...(found.get(stream) ?? []), id]);
      if (++seen === all) break;
    }
    return found;
  }

  const parked = async () => {
    const answer = await ask('GET', '/dead-letters', undefined, apiUrl());
    return ((await answer.json()) as { deadLetters: unknown[] }).deadLetters;
  };

  const stackOf = (part: string) =>
    cloudFormation.send(new DescribeStacksCommand({ StackName: `annals-${which.stage}-${part}` }));

  beforeAll(async () => {
    const isLeft = await stackOf('data').then(
      () => true,
      () => false,
    );
    if (isLeft) await destroy(endpoint, cloudFolder, which); // by a run that was broken off
    outputs = await deployIt();
    second = deployedClient(apiUrl());
  }, PATIENCE.timeout);

  it('has data of its own', async () => {
    const [ours, theirs] = [newStream(), newStream()];
    await append(ours, 1);
    await first.append(theirs, { expectedVersion: 0, events: addressed(theirs, [begun]) });
    await expect(first.readStream(ours)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
    await expect(second.readStream(theirs)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
  });

  it('gives every event once, each stream in its order, out of several chains', PATIENCE, async () => {
    const streams = Array.from({ length: 30 }, newStream);
    for (const count of [1, 2]) await Promise.all(streams.map((stream) => append(stream, count)));
    expect(await readLog(100)).toEqual(appended);
    expect(await readLog(7)).toEqual(appended);
    const scan = new ScanCommand({
      TableName: outputs['LogTable'],
      ProjectionExpression: '#p',
      ExpressionAttributeNames: { '#p': 'partition' },
    });
    const { Items = [] } = await dynamoDb().send(scan);
    const chains = new Set(Items.flatMap(({ partition }) => partition?.S?.match(/\d+of8$/)?.[0] ?? []));
    expect(chains.size).toBeGreaterThan(4);
  });

  it('is rebuilt from such a log', PATIENCE, async () => {
    const ids = [...appended.keys()].map((stream) => stream.slice('agent-'.length));
    const views = () => Promise.all(ids.map((id) => second.agents.get(id)));
    const before = await eventually(views);
    const { rebuildId } = await second.operations.rebuild('agent-status');
    const { events, failed } = await eventually(async () => {
      const replay = await second.operations.replay(rebuildId);
      expect(replay.state).toBe('switched');
      return replay;
    });
    expect(failed).toBe(0);
    expect(events).toBe([...appended.values()].flat().length);
    expect(await views()).toEqual(before);
  });

  it('parks and loses nothing while its bus is denied', PATIENCE, async () => {
    const bus = await eventBridgeRecorder();
    bus.control.denies = 'AccessDeniedException';
    const FunctionName = outputs['RelayFunction'] ?? '';
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
    const Variables = { ...Environment?.Variables, AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url };
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
    const streams = Array.from({ length: 5 }, newStream);
    for (const stream of streams) await append(stream, 2);
    expect(await readLog(100)).toEqual(appended);
    await eventually(async () => expect(bus.control.denied).toBeGreaterThan(2));
    expect(bus.entries).toEqual([]);
    expect(await parked()).toEqual([]);
    bus.control.denies = undefined;
    const wanted = streams.flatMap((stream) => appended.get(stream) ?? []);
    await eventually(async () => {
      const published = bus.entries.map(({ Detail }) => (JSON.parse(Detail) as { id: string }).id);
      expect([...new Set(published)].toSorted()).toEqual(wanted.toSorted());
    });
    expect(await parked()).toEqual([]);
  });

  it('is verified', PATIENCE, async () => {
    const StackName = 'annals-staging-delivery';
    const { StackResources = [] } = await cloudFormation.send(new DescribeStackResourcesCommand({ StackName }));
    const verify = StackResources.find(
      ({ ResourceType, LogicalResourceId }) =>
        ResourceType === 'AWS::Lambda::Function' && LogicalResourceId?.startsWith('Verify'),
    );
    const { verificationId } = await second.operations.verify();
    await lambda.send(new InvokeCommand({ FunctionName: verify?.PhysicalResourceId ?? '' }));
    const { state, verdict, extent } = await second.operations.verification(verificationId);
    expect({ state, verdict }).toEqual({ state: 'done', verdict: expect.stringMatching(/no differences$/) });
    expect(extent).toMatchObject({ streams: appended.size, events: [...appended.values()].flat().length });
  });

  it('goes, and comes back empty under the same names', PATIENCE, async () => {
    const [gone = ''] = appended.keys();
    await destroy(endpoint, cloudFolder, which);
    await expect(stackOf('data')).rejects.toThrow(/does not exist/);
    outputs = await deployIt();
    second = deployedClient(apiUrl());
    await expect(second.readStream(gone)).rejects.toMatchObject({ code: 'STREAM_NOT_FOUND' });
    appended.clear();
    await append(newStream(), 3);
    expect(await readLog(100)).toEqual(appended);
    await destroy(endpoint, cloudFolder, which);
  });
});
