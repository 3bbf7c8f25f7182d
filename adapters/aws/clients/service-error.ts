import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { AnnalsError, UnavailableError } from '../../../core/base/errors.ts';
import { type Service, verdictOn } from './error-names.ts';

/** A concurrent write holds the item. The SDK does not repeat such requests; {@link callService} does. */
export class ConflictError extends UnavailableError {
  override get name(): string {
    return 'ConflictError';
  }
}

/** A transaction ends within milliseconds. The pauses have jitter and take at most about 2 s together. */
const conflicts = retry(handleType(ConflictError), {
  maxAttempts: 8,
  backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 }),
});

/**
 * Calls a service of AWS, and repeats a write that met a transaction on the same item.
 * @param call makes the request; runs again after a conflict
 * @throws UnavailableError on every outage: throttling, failures of the service or the network, timeouts, and faults that an
 *   operator has to repair, such as permissions and missing tables. Answers and faults of this request are thrown unchanged:
 *   see {@link verdictOn}
 */
export function callService<T>(service: Service, call: () => Promise<T>): Promise<T> {
  return conflicts.execute(async () => {
    try {
      return await call();
    } catch (error) {
      throw translateError(service, error);
    }
  });
}

function translateError(service: Service, cause: unknown): unknown {
  if (!(cause instanceof Error) || isMistake(cause)) return cause;
  const verdict = verdictOn(service, cause.name, cause.message);
  if (verdict === 'answer' || verdict === 'request') return cause;
  if (verdict === 'conflict') {
    return new ConflictError(`${service} is busy with a concurrent write of the same item; repeat the request`, {
      cause,
    });
  }
  const message = `${service} cannot be reached or does not serve this request (${cause.name}); repeat it later`;
  return new UnavailableError(message, { cause });
}

/**
 * Whether this code or its arguments are wrong, so that the request never left the process. What Node says of the network, of TLS
 * and of answers that break off is an `Error` with a code, and no fault of the request.
 */
function isMistake(error: Error & { readonly $metadata?: unknown }): boolean {
  if (error instanceof AnnalsError) return true;
  if (error.$metadata !== undefined || '$response' in error) return false;
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

// biome-ignore lint/suspicious/noExplicitAny: constructors of error classes take any arguments
type ErrorClass = new (...args: any[]) => Error;

/** Waits for a call, and takes errors of some classes for success: what they say is there already, or is over. */
export async function ignoring(harmless: readonly ErrorClass[], call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!harmless.some((kind) => error instanceof kind)) throw error;
  }
}
