import { DelegateBackoff, ExponentialBackoff, type IBackoff, type IRetryBackoffContext } from 'cockatiel';
import { AnnalsRequestError } from './errors.ts';

/** Pause before the second attempt, and the longest pause; milliseconds. */
interface Pauses {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

/** Exponential with jitter, and at least as long as the server asks for. */
export function politeBackoff({ initialDelayMs, maxDelayMs }: Pauses) {
  const exponential = new ExponentialBackoff({ initialDelay: initialDelayMs, maxDelay: maxDelayMs });
  return new DelegateBackoff<IRetryBackoffContext<unknown>, IBackoff<unknown>>((context, previous) => {
    const state = previous ? previous.next(context) : exponential.next();
    const error = 'error' in context.result ? context.result.error : undefined;
    const asked = error instanceof AnnalsRequestError ? (error.retryAfterMs ?? 0) : 0;
    return { delay: Math.max(state.duration, asked), state };
  });
}
