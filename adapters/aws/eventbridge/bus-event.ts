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

/** A message of a queue: an event that EventBridge put there, or Lambda's record of a failed invocation with the event. */
const queued = json.pipe(
  z.union([z.object({ requestPayload: busEvent }).transform(({ requestPayload }) => requestPayload), busEvent]),
);
/** The body of a message that Lambda delivers from a queue, one at a time. */
export const queueMessage = z
  .object({ Records: z.tuple([z.object({ eventSource: z.literal('aws:sqs'), body: json })]) })
  .transform(({ Records: [{ body }] }) => body);

const fromQueue = z.object({
  Records: z.tuple([z.object({ eventSource: z.literal('aws:sqs'), body: queued })]),
});

const delivered = z.union([fromQueue.transform(({ Records: [{ body }] }) => body), busEvent]);

/**
 * Reads the detail of a bus event, whether a rule delivered it or a queue, which delivers single messages.
 * @throws ValidationError when the input is neither
 */
export const readBusDetail = (event: unknown): unknown => parse(delivered, event).detail;
