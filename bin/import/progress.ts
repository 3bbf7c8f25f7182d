import { SingleBar } from 'cli-progress';
import type { ImportTally } from './run-import.ts';

export interface ProgressBar {
  update(tally: Readonly<ImportTally>): void;
  stop(): void;
}

/** Between two lines where no terminal shows a bar, milliseconds. */
const LINE_EVERY_MS = 5_000;

/** A bar on standard error when that is a terminal; else a line every few seconds, so that logs stay readable. */
export function trackProgress(total: number, things: string): ProgressBar {
  if (total === 0) return { update: () => {}, stop: () => {} };
  if (!process.stderr.isTTY) return progressLines(total, things);
  const bar = new SingleBar({ format: `{bar} {value}/{total} ${things}, {events} events, {eta_formatted} left` });
  bar.start(total, 0, { events: 0 });
  return {
    update: (tally) => bar.update(doneOf(tally), { events: tally.events + tally.repeated }),
    stop: () => bar.stop(),
  };
}

function progressLines(total: number, things: string): ProgressBar {
  let last: Readonly<ImportTally> | undefined;
  const tell = () => {
    if (last) console.error(`${doneOf(last)}/${total} ${things}, ${last.events + last.repeated} events`);
  };
  const timer = setInterval(tell, LINE_EVERY_MS);
  return {
    update: (tally) => {
      last = { ...tally };
    },
    stop: () => clearInterval(timer),
  };
}

const doneOf = ({ streams, conflicts, failed, unfinished }: Readonly<ImportTally>): number =>
  streams + conflicts + failed + unfinished;
