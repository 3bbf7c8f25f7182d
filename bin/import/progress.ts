import { SingleBar } from 'cli-progress';
import type { ImportTally } from './run-import.ts';

export interface ProgressBar {
  update(tally: Readonly<ImportTally>): void;
  stop(): void;
}

/** A bar on standard error when that is a terminal; nothing otherwise, so that logs stay readable. */
export function trackProgress(total: number, things: string): ProgressBar {
  if (!process.stderr.isTTY || total === 0) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({ format: `{bar} {value}/{total} ${things}, {events} events, {eta_formatted} left` });
  bar.start(total, 0, { events: 0 });
  return {
    update: ({ streams, conflicts, failed, unfinished, events, repeated }) =>
      bar.update(streams + conflicts + failed + unfinished, { events: events + repeated }),
    stop: () => bar.stop(),
  };
}
