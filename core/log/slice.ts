import { CorruptDataError } from '../base/errors.ts';
import { sharedJson } from '../base/json-text.ts';
import { turn } from '../base/turns.ts';
import type { DomainEvent } from '../events/catalogue.ts';
import type { Commit } from '../store/commit.ts';
import type { Selection } from './filter.ts';
import type { LogPage } from './page.ts';
import type { LogWalk } from './walk.ts';

/** An event as the log gives it: with its position, after which reading goes on. */
export type LoggedEvent = DomainEvent & { readonly position: string };

/** A run of events, shared by all readers that ask for the same: nobody may change it. */
export interface LogSlice {
  readonly events: readonly LoggedEvent[];
  /** Where to go on, whether or not there were events. */
  readonly next: string;
  /** Nothing more was there, up to the end of the log or of the time range. */
  readonly caughtUp: boolean;
}

/** A commit of a page, and where it ends in the page. */
export interface PlacedCommit {
  readonly commit: Commit;
  readonly end: number;
}

/** Where a slice ends, whatever comes first. It always goes on by an event or a page. */
export interface SliceBounds {
  /** Most events. */
  readonly limit: number;
  /** Most bytes of events, as JSON; a single event may be larger. */
  readonly maxBytes: number;
  /** Most bytes of pages that it passes by, so that looking for something rare answers in time. */
  readonly maxScannedBytes: number;
  /** Time after which it is answered as far as it is, milliseconds. */
  readonly maxMs: number;
}

/**
 * Reads the next slice along a walk. Gives the event loop back after every few milliseconds.
 * @param wanted the commits of a page that the selection wants
 * @throws CorruptDataError with the position to go on after, when the first thing wanted cannot be read
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
        // What cannot be read comes first in the slice after this one, so that nothing before it is lost.
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

/** The events that are wanted of a commit, or why it cannot be read and where to go on after it. */
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

/** The events of a commit that are wanted and were not read before. */
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
