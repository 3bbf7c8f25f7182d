import * as z from 'zod';
import { ID_PATTERN } from '../base/stream-id.ts';
import { instant } from './instant.ts';
import { json, jsonObject } from './json.ts';
import { storedInstant } from './stored-form.ts';

export const id = z
  .string()
  .regex(ID_PATTERN, 'must be 1 to 128 characters out of A-Z a-z 0-9 . _ ~ : - and start with a letter or digit')
  .meta({ id: 'Id' });

/** The name of a tag; see `tags` of an event type's declaration. */
export const tagName = id.meta({ id: 'Tag', examples: ['course:c1'] });

/** The place of an event, in data that names it. */
export const eventPlace = z.strictObject({ eventId: id, streamId: z.string(), sequenceNumber: z.int().positive() });

export const eventSeverity = z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']);
export const eventCategory = z.enum(['SYSTEM', 'SECURITY', 'PERFORMANCE', 'BUSINESS', 'OPERATIONAL']);

/** Members of an event's metadata that only Annals writes. */
const RESERVED_METADATA: ReadonlySet<string> = new Set(['recordedAt', 'trace', 'transaction', 'principal']);

const metadata = jsonObject.superRefine((given, context) => {
  for (const name of Object.keys(given)) {
    if (!RESERVED_METADATA.has(name)) continue;
    context.addIssue({
      code: 'custom',
      path: [name],
      message: 'is a reserved name of Annals; choose another',
    });
  }
});
/** Sources of events of the machinery; callers cannot use them. */
export const RESERVED_SOURCES: ReadonlySet<string> = new Set(['saga', 'schedule']);

/** The optional members of a new event, besides its type and data. */
export const envelopeInput = {
  id: id.optional().describe('Unique id of the event; a ULID is made when absent'),
  timestamp: instant.optional().describe('The time of the event; the time of the append when absent'),
  source: z.string().min(1).max(128).optional().describe('Who says so'),
  correlationId: id.optional(),
  causationId: id.optional(),
  metadata: metadata.optional().describe(`The caller’s notes; ${[...RESERVED_METADATA].join(', ')} are reserved names`),
};

/** The additional members of system events. */
export const systemEnvelope = { severity: eventSeverity, category: eventCategory };

/** The envelope of a stored event; `data` depends on the type. */
export const recordedEnvelope = {
  id,
  version: z.int().positive().describe('Schema version of the event type'),
  timestamp: storedInstant.describe('When it happened'),
  source: z.string(),
  correlationId: z.string().optional(),
  causationId: z.string().optional(),
  metadata: z
    .object({
      recordedAt: storedInstant.describe('When the store took it'),
      transaction: z
        .object({ id: z.string(), size: z.int().positive().describe('Number of its commits, each of another stream') })
        .exactOptional()
        .describe('The transaction that wrote the event, for readers who need it whole'),
    })
    .catchall(json)
    .describe('The caller’s metadata, and what Annals says of the commit'),
  aggregateId: z.string(),
  aggregateType: z.string(),
  sequenceNumber: z.int().positive().describe('Counts from 1 in its stream, without gaps'),
  position: z.string().exactOptional().describe('The position, for events of the log; continue after it'),
};
