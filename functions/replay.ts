import * as z from 'zod';
import application from '#application';
import { dynamoDb } from '../adapters/aws/clients/clients.ts';
import { DynamoGenerationStore } from '../adapters/aws/dynamodb/generation-store.ts';
import { Generations } from '../core/replays/generations.ts';
import { LogReplay } from '../core/replays/log-replay.ts';
import { Replays } from '../core/replays/replays.ts';
import { ReplayWork } from '../core/replays/work.ts';
import { machineHandler } from './runtime/handlers.ts';
import { readEnvironment, settings } from './runtime/stage.ts';
import { controlIn, eventStore, readableLog, sharedViewsIn, viewClaimsIn, viewsIn } from './runtime/stores.ts';

const { projections } = application;

const page = z.int().positive();

/** A request of the state machine of replays. */
const replayRequest = z.discriminatedUnion('step', [
  z.object({ step: z.enum(['next', 'finish', 'remove']), replayId: z.string() }),
  z.object({
    step: z.literal('read'),
    replayId: z.string(),
    range: z.object({ partition: z.string(), from: page, to: page }),
  }),
  z.object({ step: z.literal('fail'), replayId: z.string(), error: z.looseObject({ Cause: z.string().optional() }) }),
]);

/**
 * A projector may know of a replay a second late, a write of it may be under way for 9 s (three attempts of 3 s), and an
 * index may lag a moment. After this time, all writes of projectors that did not know of the replay are visible.
 */
const REPLAY_SETTLES_MS = 15_000;
/** Twice the time of the longest request to the API, so that no request reads a generation that is being removed. */
const REPLACED_STAYS_MS = 60_000;
/** An invocation saves its progress this long before its end; the next invocation does the rest. */
const SPARE_MS = 30_000;

const { EVENTS_TABLE, VIEWS_TABLE, CONTROL_TABLE, LOG_TABLE, OBJECTS_BUCKET } = readEnvironment('replay');
const control = controlIn(CONTROL_TABLE);
const generations = new Generations(control, { maxAgeMs: 0 });
const start = () => {
  throw new Error('the state machine starts replays, its function does not');
};
const work = new ReplayWork({
  replays: new Replays({ control, generations, projections, start }),
  generations,
  log: new LogReplay(readableLog(EVENTS_TABLE, LOG_TABLE, OBJECTS_BUCKET)),
  store: eventStore(EVENTS_TABLE, OBJECTS_BUCKET),
  views: viewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  viewClaims: viewClaimsIn(OBJECTS_BUCKET),
  sharedViews: sharedViewsIn(VIEWS_TABLE, OBJECTS_BUCKET),
  generationStore: new DynamoGenerationStore(dynamoDb(), VIEWS_TABLE),
  concurrency: settings.processors.concurrent_workers,
  settleMs: REPLAY_SETTLES_MS,
  removeAfterMs: REPLACED_STAYS_MS,
});

/** Does a step of a replay. Most steps answer with the next step. */
export const handler = machineHandler(replayRequest, async (request, context) => {
  const { replayId } = request;
  const until = Date.now() + context.getRemainingTimeInMillis() - SPARE_MS;
  switch (request.step) {
    case 'next':
      return work.next(replayId);
    case 'read':
      return work.read(replayId, request.range);
    case 'finish':
      return work.finish(replayId, until);
    case 'remove':
      return work.remove(replayId, until);
    case 'fail':
      return work.fail(replayId, new Error(readCause(request.error.Cause)));
  }
});

/** Reads the message of an error, which Step Functions delivers as JSON in a string. */
function readCause(cause = 'the work was interrupted'): string {
  try {
    return z.object({ errorMessage: z.string() }).parse(JSON.parse(cause)).errorMessage;
  } catch {
    return cause.slice(0, 500);
  }
}
