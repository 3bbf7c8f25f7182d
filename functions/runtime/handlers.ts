import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { handle } from 'hono/aws-lambda';
import * as z from 'zod';
import { readBusDetail } from '../../adapters/aws/eventbridge/bus-event.ts';
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

/** Least time between two writings of metrics of a function that answers requests, which are many and small. */
const METRICS_MS = 10_000;

/** Every handler's middlewares: each log line names the invocation, and its trace and metrics are kept. */
function invocation<Event, Result>(work: (event: Event, context: Context) => Promise<Result>, flushMs = 0) {
  return middy(work).use(injectLambdaContext(logger.powertools)).use(telemetry.middleware(flushMs));
}

/** What the routes of every function need. */
export const appDeps: AppDeps = { logger, observe: requestObserver(tracer, noMetrics, 'function') };

/** Answers requests of API Gateway (REST) by routes. */
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

/** Whether a caller gets 5xx: what is no answer at all is 502 at API Gateway. An error that is thrown is counted by Lambda. */
const isFault = (answer: unknown): boolean => !z.object({ statusCode: z.int().max(499) }).safeParse(answer).success;

/** Parses what the function is invoked with, and does `work`. */
function taskHandler<S extends z.ZodType, Result>(
  schema: S,
  work: (asked: z.output<S>, context: Context) => Promise<Result>,
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
 * Does one task for a state machine.
 * @throws PayloadTooLargeError when the answer is more than a state machine carries
 */
export const machineHandler = <S extends z.ZodType>(
  schema: S,
  work: (asked: z.output<S>, context: Context) => Promise<unknown>,
) =>
  taskHandler(schema, async (asked, context) => {
    const answer = await work(asked, context);
    statePayload(answer);
    return answer;
  });

/** Does `work` at each invocation, whatever the event says. */
export const scheduledHandler = <Result>(work: (context: Context) => Promise<Result>) =>
  taskHandler(z.unknown(), (_, context) => work(context));

/**
 * Takes one event that a rule of the bus lets through, also when it was published by reference. Lambda repeats what fails, and
 * then puts it in a queue, from which it comes again.
 */
export const busHandler = (work: (event: DomainEvent) => Promise<void>, store: EventStore) =>
  taskHandler(z.unknown(), async (event) => work(await deliveredEvent(readBusDetail(event), store)));

/**
 * Does `work` on batches of the events table's stream, and answers where Lambda has to deliver the batch again. Failures are
 * logged.
 * @param claims gets large commits their bodies
 * @param inspect sees each batch as it came
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
