import { UnavailableError } from '../../../core/base/errors.ts';

/** What is of interest in the errors of the AWS SDK; those that no service sent have the code of Node instead. */
interface SdkError extends Error {
  readonly $fault?: 'client' | 'server';
  readonly $retryable?: object;
  readonly code?: unknown;
}

/** The service is there, but does not want to answer just now. */
const throttled: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
]);

function isOutage(error: SdkError): boolean {
  if (error.$fault) return error.$fault === 'server' || error.$retryable !== undefined || throttled.has(error.name);
  // Node's own mistakes of argument and the like are ERR_...; names such as ECONNREFUSED come from the network.
  return error.name === 'TimeoutError' || (typeof error.code === 'string' && !error.code.startsWith('ERR_'));
}

/**
 * Calls AWS.
 * @throws UnavailableError on throttling, failures of the service or the network, and timeouts; every other error as it is
 */
export async function reaching<T>(service: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (cause) {
    if (!(cause instanceof Error) || !isOutage(cause)) throw cause;
    throw new UnavailableError(`${service} cannot be reached or does not answer; repeat the request later`, { cause });
  }
}
