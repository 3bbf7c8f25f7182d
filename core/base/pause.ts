import { setTimeout as delay } from 'node:timers/promises';

/** Waits for that many milliseconds, or until `woken` resolves or the signal aborts; never throws. */
export async function pause(ms: number, signal?: AbortSignal, woken?: Promise<void> | undefined): Promise<void> {
  const over = new AbortController();
  const ends = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  const timeout = delay(ms, undefined, { signal: ends }).catch(() => {});
  await (woken ? Promise.race([woken, timeout]) : timeout);
  over.abort();
}
