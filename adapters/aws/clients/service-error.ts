import { ExponentialBackoff, handleType, retry } from 'cockatiel';
import { AnnalsError, UnavailableError } from '../../../core/base/errors.ts';
import { type Service, verdictOn } from './error-names.ts';

/** Another transaction has the item in hand; the SDK does not repeat this by itself. {@link reaching} does. */
export class ConflictError extends UnavailableError {}

/** A transaction is over within milliseconds. Pauses have jitter, and come to 2 s at most. */
const conflicts = retry(handleType(ConflictError), {
  maxAttempts: 8,
  backoff: new ExponentialBackoff({ initialDelay: 10, maxDelay: 500 }),
});

/**
 * Calls AWS; repeats a write that met a transaction on the same item.
 * @param call makes the request; it is made again after a conflict
 * @throws UnavailableError on every outage: throttling, failures of the service or the network, timeouts, and what an operator
 *   has to repair, such as permissions and missing tables. Answers and faults of this one request are thrown as they are: see
 *   {@link verdictOn}
 */
export function reaching<T>(service: Service, call: () => Promise<T>): Promise<T> {
  return conflicts.execute(async () => {
    try {
      return await call();
    } catch (error) {
      throw meaningOf(service, error);
    }
  });
}

function meaningOf(service: Service, cause: unknown): unknown {
  if (!(cause instanceof Error) || isMistake(cause)) return cause;
  const verdict = verdictOn(service, cause.name, cause.message);
  if (verdict === 'answer' || verdict === 'request') return cause;
  if (verdict === 'conflict') {
    return new ConflictError(`${service} has another write of the same item in hand; repeat the request`, { cause });
  }
  const message = `${service} cannot be reached or does not serve this request (${cause.name}); repeat it later`;
  return new UnavailableError(message, { cause });
}

/** A request that never left this process, because this code or its arguments are wrong: no service has said anything. */
function isMistake(error: Error & { readonly $metadata?: unknown; readonly code?: unknown }): boolean {
  if (error instanceof AnnalsError) return true;
  if (error.$metadata !== undefined || '$response' in error) return false;
  if (typeof error.code === 'string') return error.code.startsWith('ERR_'); // ECONNREFUSED and the like are the network's
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
