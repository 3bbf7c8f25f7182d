import { AsyncLocalStorage } from 'node:async_hooks';
import { nextTick } from 'node:process';
import { setImmediate } from 'node:timers';
import { UnavailableError } from './errors.ts';

/** Milliseconds of long work in one turn of the event loop, over all callers. */
const SLICE_MS = 5;

const waiting: (() => void)[] = [];
let scheduled = false;
let sliceEnds = 0;

/** Whether the caller of the current work has gone; undefined for work without a caller. */
const caller = new AsyncLocalStorage<AbortSignal | undefined>();

/** Does work for a caller. Long work in it ends with an error once the caller has gone. */
export const forCaller = <Result>(signal: AbortSignal | undefined, work: () => Result): Result =>
  caller.run(signal, work);

/**
 * Long work calls this between two steps of a few milliseconds, and awaits the promise if there is one. Other requests
 * get answers in between: callers work one after the other for 5 ms, in the order of arrival, then the event loop turns
 * twice.
 * @returns undefined when the work may continue at once
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

/** {@link turn} for short work, such as loading a state: it does not queue during its first milliseconds. */
export function turnAfter(freeMs: number): typeof turn {
  const until = performance.now() + freeMs;
  return () => (performance.now() < until ? undefined : turn());
}

function assertNotGone(): void {
  if (caller.getStore()?.aborted) throw new UnavailableError('the caller has gone; its work was stopped');
}

/** Two turns: a request that arrived meanwhile is read in the first and answered in the second. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => setImmediate(release));
}

function release(): void {
  scheduled = false;
  sliceEnds = performance.now() + SLICE_MS;
  releaseNext();
}

/** Many callers need much less than a slice: they share it, or a hundred of them would wait for two hundred turns. */
function releaseNext(): void {
  if (performance.now() >= sliceEnds) {
    if (waiting.length > 0) schedule();
    return;
  }
  waiting.shift()?.();
  // A tick that a promise asks for comes after all settled promises, and so after the work of the released caller.
  if (waiting.length > 0) void Promise.resolve().then(() => nextTick(releaseNext));
}
