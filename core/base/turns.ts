import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers';
import { UnavailableError } from './errors.ts';

/** Milliseconds that long work may take in one turn of the event loop: all of it together, not each caller. */
const SLICE_MS = 5;

const waiting: (() => void)[] = [];
let scheduled = false;
let sliceEnds = 0;

/** Tells whether the caller that the work in hand is done for has gone; undefined for work that is not done for one caller. */
const caller = new AsyncLocalStorage<AbortSignal | undefined>();

/** Does work for a caller. Long work in it ends with an error once the signal says that the caller has gone. */
export const forCaller = <Result>(signal: AbortSignal | undefined, work: () => Result): Result =>
  caller.run(signal, work);

/**
 * Long work calls this between two steps of a few milliseconds, and waits for the promise when it gets one. Requests are
 * answered in between: one caller at a time works for 5 ms, in the order in which they came, then the event loop turns twice.
 * @returns undefined when the work may go on at once
 * @throws UnavailableError when the caller of {@link forCaller} has gone
 */
export function turn(): Promise<void> | undefined {
  assertNotGone();
  if (performance.now() < sliceEnds) return undefined;
  const released = new Promise<void>((resolve) => {
    waiting.push(resolve);
    schedule();
  });
  return released.then(assertNotGone);
}

/** {@link turn} for work that is mostly short, such as loading a state: it does not queue during its first milliseconds. */
export function turnAfter(freeMs: number): typeof turn {
  const until = performance.now() + freeMs;
  return () => (performance.now() < until ? undefined : turn());
}

function assertNotGone(): void {
  if (caller.getStore()?.aborted) throw new UnavailableError('the caller has gone; the work was left off');
}

/** Two turns, so that a request that came in during the slice is read in the first and answered in the second. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => setImmediate(release));
}

function release(): void {
  scheduled = false;
  sliceEnds = performance.now() + SLICE_MS;
  waiting.shift()?.();
  if (waiting.length > 0) schedule();
}
