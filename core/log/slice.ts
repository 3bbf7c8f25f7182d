import { CorruptDataError } from '../base/errors.ts';
import { sharedJson } from '../base/json-text.ts';
import { turn } from '../base/turns.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import type { Selection } from './filter.ts';
import type { LogPage } from './page.ts';
import type { LogWalk } from './walk.ts';

/** An event of the log with its position, after which a reader continues. */
export type LoggedEvent = DomainEvent & { readonly position: string };

/** Consecutive events, shared by all readers with the same request. No reader may change it. */
export interface LogSlice {
  readonly events: readonly LoggedEvent[];
  /** The position to continue after, also for a slice without events. */
  readonly next: string;
  /** Whether the slice ends at the end of the log or of the time range. */
  readonly caughtUp: boolean;
}

/** A commit of a page, and the number of its last event in the page. */
export interface PlacedCommit {
  readonly commit: Commit;
  readonly end: number;
}

/** The limits of a slice; the first reached limit ends it. A slice always advances by an event or a page. */
export interface SliceBounds {
  /** Most events. */
  readonly limit: number;
  /** Most bytes of events, as JSON; a single event may be larger. */
  readonly maxBytes: number;
  /** Most bytes of pages to read, so that a search for rare events answers in time. */
  readonly maxScannedBytes: number;
  /** Longest time for reading, milliseconds. */
  readonly maxMs: number;
}

/**
 * Reads the next slice of a walk. It yields to the event loop every few milliseconds.
 * @param wanted the wanted commits of a page
 * @throws CorruptDataError with the position to continue after, when the first wanted commit cannot be read
 */
export async function readSlice(
  walk: LogWalk,
  selection: Selection,
  wanted: (page: LogPage) => AsyncIterable<PlacedCommit>,
  { limit, maxBytes, maxScannedBytes, maxMs }: SliceBounds,
): Promise<LogSlice> {
  const deadline = performance.now() + maxMs;
  const events: LoggedEvent[] = [];
  let scanned = 0;
  let size = 0;
  for await (const page of walk.pages(limit)) {
    if (selection.wantsPage(page)) {
      for await (const placed of wanted(page)) {
        const readable = readEvents(placed, walk, selection);
        const before = events.at(-1);
        // The next slice begins with the unreadable commit and throws, so that no event before it is lost.
        if ('damage' in readable && before) return { events, next: before.position, caughtUp: false };
        if ('damage' in readable) throw readable.damage;
        for (const event of readable.events) {
          size += Buffer.byteLength(sharedJson(event));
          const last = events.at(-1);
          if (last && size > maxBytes) return { events, next: last.position, caughtUp: false };
          events.push(event);
          if (events.length === limit) return { events, next: event.position, caughtUp: false };
        }
        const last = events.at(-1);
        if (last && performance.now() > deadline) return { events, next: last.position, caughtUp: false };
        await turn();
      }
    }
    scanned += page.body.length;
    if (scanned >= maxScannedBytes || performance.now() > deadline) {
      return { events, next: walk.positionAt(page.count), caughtUp: false };
    }
    await turn();
  }
  return { events, next: walk.position, caughtUp: true };
}

/** The wanted events of a commit, or the damage with the position to continue after. */
function readEvents(
  placed: PlacedCommit,
  walk: LogWalk,
  selection: Selection,
): { readonly events: readonly LoggedEvent[] } | { readonly damage: CorruptDataError } {
  try {
    return { events: [...loggedEvents(placed, walk, selection)] };
  } catch (cause) {
    if (!(cause instanceof CorruptDataError)) throw cause;
    return { damage: new CorruptDataError(cause.message, { cause, next: walk.positionAt(placed.end) }) };
  }
}

/** The wanted events of a commit that were not read before. @throws CorruptDataError */
export function* loggedEvents(
  { commit, end }: PlacedCommit,
  walk: LogWalk,
  selection: Selection,
): Generator<LoggedEvent> {
  for (const [index, event] of selection.decode(commit).entries()) {
    const number = end - commit.count + index + 1;
    if (number <= walk.offset || !selection.wantsEvent(event)) continue;
    yield { ...event, position: walk.positionAt(number) };
  }
}
