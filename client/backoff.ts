import { DelegateBackoff, ExponentialBackoff, type IBackoff, type IRetryBackoffContext } from 'cockatiel';

/** Pause before the second attempt, and the longest pause; milliseconds. */
interface Pauses {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

/** Exponential with jitter, and at least as long as the server asks for: the `retryAfterMs` of the error of an attempt. */
export function politeBackoff({ initialDelayMs, maxDelayMs }: Pauses) {
  const exponential = new ExponentialBackoff({ initialDelay: initialDelayMs, maxDelay: maxDelayMs });
  return new DelegateBackoff<IRetryBackoffContext<unknown>, IBackoff<unknown>>((context, previous) => {
    const state = previous ? previous.next(context) : exponential.next();
    const error = 'error' in context.result ? context.result.error : undefined;
    const { retryAfterMs: asked = 0 } = (error ?? {}) as { readonly retryAfterMs?: number | undefined };
    return { delay: Math.max(state.duration, asked), state };
  });
}

/** The header `Retry-After`, a number of seconds or a date (RFC 9110, section 10.2.3), in milliseconds. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
