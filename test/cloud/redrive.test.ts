import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { ulid } from 'ulid';
import { describe, expect, inject, it, vi } from 'vitest';
import { dynamoDb } from '../../adapters/aws/clients/clients.ts';
import { bucketObjects } from '../../adapters/aws/s3/bucket.ts';
import { failedBatchRecord } from '../support/failed-batch-record.ts';
import { streamEventOf } from '../support/lambda-events.ts';
import { ask, deployedClient } from './client.ts';

const { eventsTable, viewsTable, failuresBucket, projectorFunction, relayFunction, region } = inject('deployment');
const failures = bucketObjects(failuresBucket);
const eventually = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 45_000, interval: 500 });

/** Puts a batch where Lambda puts what it gave up. */
async function giveUp(functionName: string, records: readonly unknown[]): Promise<void> {
  const functionArn = `arn:aws:lambda:${region}:000000000000:function:${functionName}`;
  await failures.put(
    `aws/lambda/7c4b3a51/shardId-0001/2026/11/28/2026-11-28T10.00.00-${ulid()}`,
    failedBatchRecord(records, { functionArn }),
  );
}

describe('batches that Lambda gave up', () => {
  it('go through the projector and the relay again, and are gone', async () => {
    const client = deployedClient();
    const { agentId } = await client.agents.create({ agentType: 'coder', configuration: {}, createdBy: 'test' });
    await eventually(async () => expect(await client.agents.get(agentId)).toMatchObject({ version: 1 }));
    const { Records } = await streamEventOf(eventsTable);
    const records = Records.filter(({ dynamodb }) => dynamodb?.Keys?.['stream']?.S === `main/agent-${agentId}`);
    expect(records).toHaveLength(1);

    // As if the projector had never got it.
    const { projections } = await (await ask('GET', '/projections')).json();
    const live = projections.find(({ name }: { name: string }) => name === 'agent-status').generation;
    const view = { view: { S: `main/agent-status/${live}/${agentId}` } };
    await dynamoDb().send(new DeleteItemCommand({ TableName: viewsTable, Key: view }));
    expect((await ask('GET', `/agents/${agentId}`)).status).toBe(404);
    await giveUp(projectorFunction, records);
    await giveUp(relayFunction, records);

    const { results, more } = await client.operations.redriveFailedBatches();
    expect(more).toBe(false);
    expect(results.map(({ outcome, consumers }) => [outcome, ...consumers])).toEqual(
      expect.arrayContaining([
        ['redriven', 'projector'],
        ['redriven', 'relay'],
      ]),
    );
    expect(await client.agents.get(agentId)).toMatchObject({ agentId, version: 1 });
    expect((await client.operations.failedBatches()).failedBatches).toEqual([]);

    const logged: unknown[] = [];
    for (let page = { events: logged, next: '', caughtUp: false }; !page.caughtUp; logged.push(...page.events)) {
      const after = page.next === '' ? '' : `&after=${encodeURIComponent(page.next)}`;
      page = await (await ask('GET', `/events?aggregateId=${agentId}${after}`)).json();
    }
    expect(logged).toHaveLength(1);
  });
});
