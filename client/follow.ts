import { setTimeout as delay } from 'node:timers/promises';
import { handleWhen, retry } from 'cockatiel';
import { AnnalsRequestError, AnnalsUnreachableError } from './errors.ts';
import { politeBackoff } from './transport.ts';

/** Problems of a page that every further try would meet again. */
const LASTING_CODES: ReadonlySet<string> = new Set(['CORRUPT_DATA', 'EVENT_VERSION', 'UNEXPECTED_ANSWER']);
/** How long an event that was recorded in time may take to come into the log, milliseconds. */
const SETTLING_MS = 10_000;
/** Pause between two looks at a log that the server does not hold its answer for, milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** Whether what went wrong may be gone at another try: anything but a refusal of the request itself. */
function mayPass(error: unknown): boolean {
  if (error instanceof AnnalsUnreachableError) return true;
  if (!(error instanceof AnnalsRequestError) || LASTING_CODES.has(error.code)) return false;
  return error.status === 408 || error.status === 429 || error.status >= 500;
}

/** Tries again for as long as it may help: an outage of any length does not end a follower. */
const patience = retry(handleWhen(mayPass), {
  maxAttempts: Number.MAX_SAFE_INTEGER,
  backoff: politeBackoff({ initialDelayMs: 200, maxDelayMs: 10_000 }),
});

export interface FollowedPage<Event> {
  readonly events: readonly Event[];
  readonly next: string;
  readonly caughtUp: boolean;
}

export interface FollowOptions {
  /** Position to go on after. */
  readonly after?: string | undefined;
  /** Ends the loop once everything recorded up to this instant was given; ISO 8601. */
  readonly to?: string | undefined;
  /** Ends the loop without an error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The events of page after page, each once and in order. A page that does not arrive is asked for again from the same
 * position, so an outage, a restart or a proxy in between loses nothing and doubles nothing.
 * @param read the page after a position, which the server may hold so many milliseconds
 * @throws AnnalsRequestError when the request itself is refused, or the log has what cannot be read
 */
export async function* followPages<Event>(
  read: (after: string | undefined, heldMs: number, signal: AbortSignal | undefined) => Promise<FollowedPage<Event>>,
  { after, to, signal }: FollowOptions,
  longestMs: number,
): AsyncGenerator<Event> {
  const end = to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to) + SETTLING_MS;
  for (let next = after; !signal?.aborted; ) {
    const asked = Date.now();
    const heldMs = Math.max(0, Math.min(longestMs, end - asked));
    const page = await unlessAborted(
      patience.execute(() => (signal?.aborted ? undefined : read(next, heldMs, signal))),
      signal,
    );
    if (!page) return;
    yield* page.events;
    next = page.next;
    if (page.caughtUp && asked >= end) return;
    // A server need not hold its answer once `to` is past.
    const settles = page.caughtUp && page.events.length === 0 && Date.now() + LOOK_AGAIN_MS >= end - SETTLING_MS;
    if (settles)
      await unlessAborted(delay(Math.min(LOOK_AGAIN_MS, Math.max(0, end - Date.now())), undefined, { signal }), signal);
  }
}

/** What comes of the work; undefined as soon as the signal is given. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return work;
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const onAbort = () => resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
