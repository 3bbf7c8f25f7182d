import { PayloadTooLargeError } from '../../../core/base/errors.ts';

/** Step Functions takes at most this many bytes as input or output of an execution, a state or a task with a token. */
export const MAX_PAYLOAD_BYTES = 262_144;

/**
 * A payload for Step Functions, as JSON. State machines carry ids, and functions read larger values from the store.
 * @throws PayloadTooLargeError over {@link MAX_PAYLOAD_BYTES}. Step Functions itself would end the execution, and
 *   `States.ALL` does not catch that
 */
export function statePayload(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_PAYLOAD_BYTES) return text;
  throw new PayloadTooLargeError(
    `a state machine carries at most ${MAX_PAYLOAD_BYTES} bytes, the payload has ${bytes}; pass ids and read the rest from the store`,
  );
}
