import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { ObservableClient } from '../telemetry/observe-client.ts';

const observers: ((client: ObservableClient) => void)[] = [];

/** Has every client that is made from now on observed. */
export function observeClients(observe: (client: ObservableClient) => void): void {
  observers.push(observe);
}

/**
 * Made at its first use, then shared: importing this file costs nothing, and a warm function keeps its connections.
 * Calls are marked as pure, so that a function's bundle holds no client that it does not use.
 */
export function lazily<Client>(create: () => Client): () => Client {
  let client: Client | undefined;
  return () => {
    client ??= create();
    return client;
  };
}

/** A client of the AWS SDK, as those see it who observe. */
export function observed<Client extends object>(client: Client): Client {
  for (const observe of observers) observe(client as ObservableClient); // the types of its calls are narrower
  return client;
}

/**
 * Gives up well within a function's time limit: an attempt that hangs must not eat the time that a second one needs.
 * To try a write again is safe: a commit and a view are written under a condition, events are deduplicated by their id.
 * @param requestTimeout of one attempt, milliseconds
 */
export const patience = (requestTimeout: number, maxAttempts = 3) => ({
  maxAttempts,
  retryMode: 'standard',
  requestHandler: { connectionTimeout: 1_000, requestTimeout, throwOnRequestTimeout: true },
});

/** The client of DynamoDB: 3 attempts of at most 3 s. */
export const dynamoDb = /* @__PURE__ */ lazily(() => observed(new DynamoDBClient(patience(3_000))));

/**
 * The client of EventBridge: 2 attempts of at most 3 s. The publisher's breaker opens after 3 failed calls, so a bus that hangs
 * costs an invocation of 60 s no more than 20 s.
 */
export const eventBridge = /* @__PURE__ */ lazily(() => observed(new EventBridgeClient(patience(3_000, 2))));

/** The client of Step Functions: 3 attempts of at most 5 s. */
export const stepFunctions = /* @__PURE__ */ lazily(() => observed(new SFNClient(patience(5_000))));
