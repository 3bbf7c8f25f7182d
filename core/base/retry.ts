import { ExponentialBackoff, handleAll, retry } from 'cockatiel';
import type { EventSystem } from './configuration.ts';

export interface RetryPolicy {
  /** Attempts in total, the first included. */
  readonly attempts: number;
  /** Pause before the second attempt, milliseconds; doubles from there, with jitter. */
  readonly initialDelayMs: number;
  /** Longest pause, milliseconds. */
  readonly maxDelayMs: number;
}

/** The policy of the configuration. */
export function retryPolicyOf({ processors }: EventSystem): RetryPolicy {
  const { max_retries, initial_delay, max_delay } = processors.retry_policy;
  return { attempts: max_retries, initialDelayMs: initial_delay, maxDelayMs: max_delay };
}

/**
 * Runs `work`, and repeats it after an exponential pause with decorrelated jitter when it throws. Throws the last
 * error. (Decorrelated jitter: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)
 */
export function withRetry<T>(policy: RetryPolicy, work: () => Promise<T>): Promise<T> {
  const { attempts, initialDelayMs, maxDelayMs } = policy;
  const backoff = new ExponentialBackoff({ initialDelay: initialDelayMs, maxDelay: maxDelayMs });
  return retry(handleAll, { maxAttempts: attempts - 1, backoff }).execute(work);
}
