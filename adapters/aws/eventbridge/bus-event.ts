import * as z from 'zod';
import { parse } from '../../../core/base/validation.ts';

const busEvent = z.object({ detail: z.unknown() });

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('is not JSON');
    return z.NEVER;
  }
});

/** An event that waited in a queue: as EventBridge put it there, or in Lambda's record of an invocation that failed. */
const waiting = json.pipe(
  z.union([z.object({ requestPayload: busEvent }).transform(({ requestPayload }) => requestPayload), busEvent]),
);
const fromQueue = z.object({
  Records: z.tuple([z.object({ eventSource: z.literal('aws:sqs'), body: waiting })]),
});

const delivered = z.union([fromQueue.transform(({ Records: [{ body }] }) => body), busEvent]);

/**
 * The detail of an event of the bus, however it reached the function: by a rule, or by a queue in which it waited, one at a time.
 * @throws ValidationError
 */
export const busDetailOf = (event: unknown): unknown => parse(delivered, event).detail;
