import { UnavailableError } from '../../../core/base/errors.ts';
import type { EventLog } from '../../../core/log/log.ts';
import { type Random, turns } from './weather.ts';

export interface FollowOptions {
  readonly random: Random;
  /** The log for the next read; another value stands for another process. */
  readonly log: () => EventLog;
  /** Whether all events are written, so that the reader stops at the end. */
  readonly isOver: () => boolean;
}

/** Follows the log with crashes, and continues after the last handled event. */
export async function follow({ random, log, isOver }: FollowOptions): Promise<string[]> {
  const seen: string[] = [];
  let after: string | undefined;
  for (let over = false; ; over = isOver()) {
    await turns(random, 20);
    try {
      const { events, next, caughtUp } = await log().getEventsAfter(after, { limit: random.between(1, 10) });
      const dealtWith = random.percent(20) ? random.between(0, events.length) : events.length;
      const taken = events.slice(0, dealtWith);
      seen.push(...taken.map(({ aggregateId, sequenceNumber }) => `${aggregateId} ${sequenceNumber}`));
      after = dealtWith === events.length ? next : (taken.at(-1)?.position ?? after);
      if (over && caughtUp && dealtWith === events.length) return seen;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}
