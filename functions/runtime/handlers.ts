import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import * as z from 'zod';
import { queueMessage, readBusDetail } from '../../adapters/aws/eventbridge/bus-event.ts';
import { statePayload } from '../../adapters/aws/step-functions/payload.ts';
import { type CommitFailure, processBatch, type RecordFailure } from '../../adapters/aws/stream/batch.ts';
import { type App, type AppDeps, createApp } from '../../api/http/app.ts';
import { requestObserver } from '../../api/http/observe.ts';
import type { Route } from '../../api/http/route.ts';
import { parse } from '../../core/base/validation.ts';
import type { DomainEvent } from '../../core/events/catalogue.ts';
import { deliveredEvent } from '../../core/publishing/event-reference.ts';
import type { ClaimCheck } from '../../core/store/claim-check.ts';
import type { Commit } from '../../core/store/commit.ts';
import type { EventStore } from '../../core/store/event-store.ts';
import { noMetrics } from '../../core/telemetry/metrics.ts';
import { damage, logger, telemetry, tracer } from './stage.ts';

/** Least time between two flushes of the metrics of a function that answers requests, which are many and small. */
const METRICS_MS = 10_000;

/** Adds the middlewares of every handler: log lines name the invocation, and traces and metrics are sent. */
function invocation<Event, Result>(work: (event: Event, context: Context) => Promise<Result>, flushMs = 0) {
  const traced = (event: Event, context: Context) => {
    // Lambda sets the trace header of the current invocation here, and records the function's span itself.
    tracer.enter(process.env['_X_AMZN_TRACE_ID']);
    return work(event, context);
  };
  return middy(traced).use(injectLambdaContext(logger.powertools)).use(telemetry.middleware(flushMs));
}

/** The dependencies that the routes of every function need. */
export const appDeps: AppDeps = { logger, observe: requestObserver(tracer, noMetrics, 'function') };

/** A handler that answers requests of an API Gateway (REST) by routes, and counts faults. */
export function httpHandler<Deps extends AppDeps>(routes: readonly Route<Deps>[], deps: Deps) {
  const app: App = createApp(routes, deps);
  const respond = handle(app);
  type Arguments = Required<Parameters<typeof respond>>;
  return invocation(async (event: Arguments[0], context) => {
    const answer = await respond(event, context as unknown as Arguments[1]);
    if (isFault(answer)) telemetry.countFault();
    return answer;
  }, METRICS_MS);
}

/** The status of an answer without a fault. 504: the caller waits for a version of a view that does not come. */
const faultless = z.object({ statusCode: z.union([z.int().max(499), z.literal(504)]) });

/** Whether an answer is a fault. API Gateway turns an invalid answer into 502. Lambda counts errors that are thrown. */
const isFault = (answer: unknown): boolean => !faultless.safeParse(answer).success;

/** A handler that parses the event of the invocation, and does `work`. */
function taskHandler<S extends z.ZodType, Result>(
  schema: S,
  work: (request: z.output<S>, context: Context) => Promise<Result>,
) {
  return invocation(async (event: unknown, context) => {
    try {
      return await work(parse(schema, event), context);
    } catch (error) {
      damage.note(error); // Lambda logs it
      throw error;
    }
  });
}

/**
 * A handler that does a task for a state machine.
 * @throws PayloadTooLargeError when the answer is larger than a state machine carries
 */
export const machineHandler = <S extends z.ZodType>(
  schema: S,
  work: (request: z.output<S>, context: Context) => Promise<unknown>,
) =>
  taskHandler(schema, async (request, context) => {
    const answer = await work(request, context);
    statePayload(answer);
    return answer;
  });

/** A handler that takes the single message of a queue. SQS delivers a message of a failed invocation again. */
export const queueHandler = <S extends z.ZodType>(schema: S, work: (message: z.output<S>) => Promise<void>) =>
  taskHandler(queueMessage.pipe(schema), (message) => work(message));

/** A handler that does `work` at each invocation, whatever the event. */
export const scheduledHandler = <Result>(work: (context: Context) => Promise<Result>) =>
  taskHandler(z.unknown(), (_, context) => work(context));

/**
 * A handler that takes an event from a rule of the bus, also an event that was published by reference. Lambda repeats a
 * failed invocation, and then puts its event into a queue, which delivers the event again.
 */
export const busHandler = (work: (event: DomainEvent) => Promise<void>, store: EventStore) =>
  taskHandler(z.unknown(), async (event) => work(await deliveredEvent(readBusDetail(event), store)));

/**
 * A handler that does `work` on batches of the events table's stream, and answers from which record on Lambda has to
 * deliver the batch again. Failures are logged.
 * @param claims fetches the bodies of large commits
 * @param inspect receives each batch before it is parsed
 */
export function streamHandler(
  work: (commits: readonly Commit[]) => Promise<readonly CommitFailure[]>,
  claims: ClaimCheck,
  inspect: (event: unknown) => void = () => {},
) {
  const onFailure = ({ commit, ...failure }: RecordFailure) => {
    const { stream, version } = commit ?? {};
    logger.error('a record of the stream failed', { ...failure, stream, version });
  };
  return invocation(async (event: unknown) => {
    inspect(event);
    return processBatch(event, work, onFailure, claims);
  });
}
