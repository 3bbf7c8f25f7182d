import { MAX_BODY_BYTES } from '../../api/json-body.ts';
import { encodeEvents, MAX_COMMIT_BYTES } from '../../core/commit.ts';
import { PayloadTooLargeError } from '../../core/errors.ts';
import type { EventData, EventType } from '../../events/catalogue.ts';

/** What a request and a stored commit hold besides the data of their events, with room to spare. */
const ENVELOPE_BYTES = 2048;

/** Events whose JSON is within this fit in one commit even if nothing of them can be compressed. */
export const SAFE_BATCH_BYTES = MAX_COMMIT_BYTES - 16 * 1024;

/** Why the server would not take an event with this data because of its size; found out before anything is sent. */
export function sizeFault<T extends EventType>(type: T, data: EventData<T>): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes + ENVELOPE_BYTES > MAX_BODY_BYTES) return `has ${bytes} bytes as JSON, a request takes ${MAX_BODY_BYTES}`;
  if (bytes <= SAFE_BATCH_BYTES) return undefined;
  try {
    encodeEvents([{ id: '', type, version: 1, timestamp: '', source: '', data }], ENVELOPE_BYTES);
    return undefined;
  } catch (error) {
    if (error instanceof PayloadTooLargeError) return error.message;
    throw error;
  }
}
