import { SingleBar } from 'cli-progress';
import type { ImportTally } from './run-import.ts';

/** Shows the progress of an import. */
export interface ProgressBar {
  update(tally: Readonly<ImportTally>): void;
  stop(): void;
}

/** Pause between two lines when there is no terminal, milliseconds. */
const LINE_EVERY_MS = 5_000;

/** Shows progress on standard error: as a bar on a terminal, else as a line every few seconds, so that logs stay readable. */
export function trackProgress(total: number, things: string): ProgressBar {
  if (total === 0) return { update: () => {}, stop: () => {} };
  if (!process.stderr.isTTY) return progressLines(total, things);
  const bar = new SingleBar({ format: `{bar} {value}/{total} ${things}, {events} events, {eta_formatted} left` });
  bar.start(total, 0, { events: 0 });
  return {
    update: (tally) => bar.update(countDone(tally), { events: tally.events + tally.repeated }),
    stop: () => bar.stop(),
  };
}

function progressLines(total: number, things: string): ProgressBar {
  let last: Readonly<ImportTally> | undefined;
  const print = () => {
    if (last) console.error(`${countDone(last)}/${total} ${things}, ${last.events + last.repeated} events`);
  };
  const timer = setInterval(print, LINE_EVERY_MS);
  return {
    update: (tally) => {
      last = { ...tally };
    },
    stop: () => clearInterval(timer),
  };
}

const countDone = ({ streams, conflicts, failed, unfinished }: Readonly<ImportTally>): number =>
  streams + conflicts + failed + unfinished;
