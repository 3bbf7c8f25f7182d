import { handleWhen, type RetryPolicy, retry } from 'cockatiel';
import { politeBackoff } from './backoff.ts';
import { AnnalsRequestError, AnnalsUnreachableError } from './errors.ts';

/** Problems of a page that every attempt meets. */
const LASTING_CODES: ReadonlySet<string> = new Set(['CORRUPT_DATA', 'EVENT_VERSION', 'UNEXPECTED_ANSWER']);
/** The longest delay between the record of an event and its place in the log, milliseconds. */
const SETTLING_MS = 10_000;
/** Pause between two requests when the server does not hold the answer, milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** Refusals that pass with time: Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Whether another attempt may succeed: everything but a refusal of the request.
 * @param urlIsRight a page was read before; so an answer that is not of Annals, other than a refusal, is of a proxy that
 * does not find its server
 */
export function mayPass(error: unknown, urlIsRight: boolean): boolean {
  if (error instanceof AnnalsUnreachableError) return true;
  if (!(error instanceof AnnalsRequestError)) return false;
  const { status, code, isForeign } = error;
  if (isForeign && urlIsRight && (status < 400 || status === 404)) return true;
  return !LASTING_CODES.has(code) && (PASSING_STATUS.has(status) || status >= 500);
}

/** Called when a page could not be read and is requested again after a pause of `delayMs` milliseconds. */
export type OnRetry = (error: Error, retry: { readonly attempt: number; readonly delayMs: number }) => void;

/** Repeats as long as an attempt may succeed: an outage of any length does not end a follower. */
function patience({ onRetry, signal }: FollowOptions, urlIsRight: () => boolean): RetryPolicy {
  const policy = retry(
    handleWhen((error) => mayPass(error, urlIsRight())),
    {
      maxAttempts: Number.MAX_SAFE_INTEGER,
      backoff: politeBackoff({ initialDelayMs: 200, maxDelayMs: 10_000 }),
    },
  );
  policy.onRetry((failure) => {
    if ('error' in failure && failure.error instanceof Error && !signal?.aborted) {
      onRetry?.(failure.error, { attempt: failure.attempt, delayMs: failure.delay });
    }
  });
  return policy;
}

export interface FollowedPage<Event> {
  readonly events: readonly Event[];
  readonly next: string;
  readonly caughtUp: boolean;
}

export interface FollowOptions {
  /** Position to go on after. */
  readonly after?: string | undefined;
  /** Ends the loop after the last event recorded up to this instant; ISO 8601. */
  readonly to?: string | undefined;
  /** Ends the loop without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each pause; `attempt` counts from 1 for each page. An error that it throws ends the loop. */
  readonly onRetry?: OnRetry | undefined;
}

/**
 * The events of page after page, each once and in order. A lost page is requested again from the same position, so
 * outages, restarts and proxies neither lose nor repeat events.
 * @param read gets the page after a position; the server may hold the answer for that many milliseconds
 * @throws AnnalsRequestError when the server refuses the request, or cannot read an event of the log
 */
export async function* followPages<Event>(
  read: (after: string | undefined, heldMs: number, signal: AbortSignal | undefined) => Promise<FollowedPage<Event>>,
  options: FollowOptions,
  longestMs: number,
): AsyncGenerator<Event> {
  const { after, to, signal } = options;
  let pages = 0;
  const policy = patience(options, () => pages > 0);
  const end = to === undefined ? Number.POSITIVE_INFINITY : Date.parse(to) + SETTLING_MS;
  for (let next = after; !signal?.aborted; ) {
    const asked = Date.now();
    const heldMs = Math.max(0, Math.min(longestMs, end - asked));
    const page = await unlessAborted(
      policy.execute(() => (signal?.aborted ? undefined : read(next, heldMs, signal))),
      signal,
    );
    if (!page) return;
    pages += 1;
    yield* page.events;
    next = page.next;
    if (page.caughtUp && asked >= end) return;
    // After `to` the server does not hold its answer.
    const settles = page.caughtUp && page.events.length === 0 && Date.now() + LOOK_AGAIN_MS >= end - SETTLING_MS;
    if (settles) await unlessAborted(pause(Math.min(LOOK_AGAIN_MS, Math.max(0, end - Date.now()))), signal);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The result of the work; undefined as soon as the signal aborts. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return work;
  let onAbort = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
