import { MAX_BODY_BYTES } from '../../api/http/json-body.ts';
import { MAX_COMMIT_BYTES } from '../../core/store/commit.ts';

/** Bytes of a request besides the data of its event, rounded up. */
const ENVELOPE_BYTES = 2048;

/** Events with at most so many bytes of JSON fit in a commit without compression. A larger event gets a separate commit. */
export const SAFE_BATCH_BYTES = MAX_COMMIT_BYTES - 16 * 1024;

/** The reason for which the server would refuse an event with this data for its size; undefined when it would not. */
export function sizeFault(data: object): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes + ENVELOPE_BYTES <= MAX_BODY_BYTES) return undefined;
  return `has ${bytes} bytes as JSON, a request takes ${MAX_BODY_BYTES}`;
}
