import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { parse } from '../core/base/validation.ts';
import { createReplayWork } from './runtime.ts';

const page = z.int().positive();

/** What the state machine of replays asks for. */
const request = z.discriminatedUnion('step', [
  z.object({ step: z.enum(['next', 'finish', 'remove']), replayId: z.string() }),
  z.object({
    step: z.literal('read'),
    replayId: z.string(),
    range: z.object({ partition: z.string(), from: page, to: page }),
  }),
  z.object({ step: z.literal('fail'), replayId: z.string(), error: z.looseObject({ Cause: z.string().optional() }) }),
]);

const work = createReplayWork();
/** What is compared or removed is noted in time; the rest is done by the next invocation. */
const SPARE_MS = 30_000;

/** One step of a replay. @returns what is to be done next, where the step finds that out */
export async function handler(event: unknown, context: Context) {
  const asked = parse(request, event);
  const { replayId } = asked;
  const until = Date.now() + context.getRemainingTimeInMillis() - SPARE_MS;
  switch (asked.step) {
    case 'next':
      return work.next(replayId);
    case 'read':
      return work.read(replayId, asked.range);
    case 'finish':
      return work.finish(replayId, until);
    case 'remove':
      return work.remove(replayId, until);
    case 'fail':
      return work.fail(replayId, new Error(causeOf(asked.error.Cause)));
  }
}

/** Step Functions gives the error of a function as JSON in a string. */
function causeOf(cause = 'the work was interrupted'): string {
  try {
    return z.object({ errorMessage: z.string() }).parse(JSON.parse(cause)).errorMessage;
  } catch {
    return cause.slice(0, 500);
  }
}
