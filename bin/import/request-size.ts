import { MAX_BODY_BYTES } from '../../api/http/json-body.ts';
import { MAX_COMMIT_BYTES } from '../../core/store/commit.ts';

/** What a request holds besides the data of its event, with room to spare. */
const ENVELOPE_BYTES = 2048;

/** Events whose JSON is within this fit in one commit even if nothing of them can be compressed; a larger one goes alone. */
export const SAFE_BATCH_BYTES = MAX_COMMIT_BYTES - 16 * 1024;

/** Why the server would not take an event with this data because of its size; found out before anything is sent. */
export function sizeFault(data: object): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes + ENVELOPE_BYTES <= MAX_BODY_BYTES) return undefined;
  return `has ${bytes} bytes as JSON, a request takes ${MAX_BODY_BYTES}`;
}
