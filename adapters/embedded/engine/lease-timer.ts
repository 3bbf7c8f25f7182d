import type { Logger } from '../../../core/base/log-lines.ts';
import type { Leases } from '../../../core/leases/leases.ts';
import { DueTimer } from './due-timer.ts';

/** Pause before the next attempt after a failure, milliseconds. */
const PAUSE_MS = 5_000;
/** How much later than the first end a look is, milliseconds: leases that end together are found together. */
const SLACK_MS = 25;

/** Creates the timer that ends the leases that are over. */
export function leaseTimer(leases: Leases, logger: Pick<Logger, 'error'>): DueTimer {
  const lookAfter = (until: string) => Date.parse(until) + SLACK_MS;
  const timer = new DueTimer({
    run: async () => {
      const next = await leases.sweep();
      return next === undefined ? undefined : lookAfter(next);
    },
    failed: 'leases that are over cannot be ended, and are tried again',
    pauseMs: PAUSE_MS,
    logger,
  });
  leases.onTaken((until) => timer.wakeAt(lookAfter(until)));
  return timer;
}
