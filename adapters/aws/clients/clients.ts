import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { ObservableClient } from '../telemetry/observe-client.ts';
import { lazily } from './lazily.ts';

const observers: ((client: ObservableClient) => void)[] = [];

/** Observes every client that is made after this call. */
export function observeClients(observe: (client: ObservableClient) => void): void {
  observers.push(observe);
}

/** Adds the observers of {@link observeClients} to a client of the AWS SDK. @returns the client */
export function observed<Client extends object>(client: Client): Client {
  for (const observe of observers) observe(client as ObservableClient); // the client declares narrower types for its calls
  return client;
}

/**
 * Settings of a client that gives up well within a function's time limit: an attempt that hangs must leave time for the
 * next attempt. To repeat a write is safe: commits and views are written under a condition, and consumers deduplicate
 * events by id.
 * @param requestTimeout of each attempt, milliseconds
 */
export const timeouts = (requestTimeout: number, maxAttempts = 3) => ({
  maxAttempts,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 1_000, requestTimeout, throwOnRequestTimeout: true },
});

/** The client of DynamoDB: 3 attempts of at most 3 s. */
export const dynamoDb = /* @__PURE__ */ lazily(() => observed(new DynamoDBClient(timeouts(3_000))));

/**
 * The client of EventBridge: 2 attempts of at most 3 s. The publisher's breaker opens after 3 failed calls, so a bus that
 * hangs costs an invocation of 60 s at most 20 s.
 */
export const eventBridge = /* @__PURE__ */ lazily(() => observed(new EventBridgeClient(timeouts(3_000, 2))));

/** The client of Step Functions: 3 attempts of at most 5 s. */
export const stepFunctions = /* @__PURE__ */ lazily(() => observed(new SFNClient(timeouts(5_000))));

/** The client of EventBridge Scheduler: 3 attempts of at most 3 s. */
export const scheduler = /* @__PURE__ */ lazily(() => observed(new SchedulerClient(timeouts(3_000))));

/** The client of SQS: 3 attempts of at most 3 s. */
export const sqs = /* @__PURE__ */ lazily(() => observed(new SQSClient(timeouts(3_000))));
