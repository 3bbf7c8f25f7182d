import { SingleBar } from 'cli-progress';
import type { ImportTally } from './run-import.ts';

/** Shows the progress of an import. */
export interface ProgressBar {
  update(tally: Readonly<ImportTally>, done: number): void;
  stop(): void;
}

/** Pause between two lines when there is no terminal, milliseconds. */
const LINE_EVERY_MS = 5_000;

/** Shows progress on standard error: as a bar on a terminal, else as a line every few seconds, so that logs stay readable. */
export function trackProgress(total: number): ProgressBar {
  if (total === 0) return { update: () => {}, stop: () => {} };
  if (!process.stderr.isTTY) return progressLines(total);
  const bar = new SingleBar({ format: '{bar} {value}/{total} files, {events} events, {eta_formatted} left' });
  bar.start(total, 0, { events: 0 });
  return {
    update: (tally, done) => bar.update(done, { events: tally.events + tally.repeated }),
    stop: () => bar.stop(),
  };
}

function progressLines(total: number): ProgressBar {
  let last: { readonly done: number; readonly events: number } | undefined;
  const print = () => {
    if (last) console.error(`${last.done}/${total} files, ${last.events} events`);
  };
  const timer = setInterval(print, LINE_EVERY_MS);
  return {
    update: ({ events, repeated }, done) => {
      last = { done, events: events + repeated };
    },
    stop: () => clearInterval(timer),
  };
}
