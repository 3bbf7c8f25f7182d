import { PayloadTooLargeError } from '../../../core/base/errors.ts';

/** Step Functions takes this much as the input or output of an execution, a state or a task with a token. */
export const MAX_PAYLOAD_BYTES = 262_144;

/**
 * What is handed to Step Functions, as JSON. What is larger stays where it is: state machines carry ids, and functions read the
 * rest from the store.
 * @throws PayloadTooLargeError over {@link MAX_PAYLOAD_BYTES}. Step Functions itself would end the execution, and no `States.ALL`
 *   covers that
 */
export function statePayload(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_PAYLOAD_BYTES) return text;
  throw new PayloadTooLargeError(
    `a state machine carries at most ${MAX_PAYLOAD_BYTES} bytes, this is ${bytes}; hand over ids and read the rest from the store`,
  );
}
