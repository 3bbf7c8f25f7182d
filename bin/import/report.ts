import type { ImportResult } from './run-import.ts';

/** Most problems that are listed. */
const MAX_PROBLEMS = 50;

/** The report of an import: a line for each error, and a summary. Without errors, all sources are imported. */
export function createReport(
  result: ImportResult,
  url: string,
): { readonly errors: readonly string[]; readonly summary: string } {
  const { problems } = result;
  const errors = problems.slice(0, MAX_PROBLEMS);
  if (problems.length > MAX_PROBLEMS) errors.push(`and ${count(problems.length - MAX_PROBLEMS)} more such problems`);
  if (result.stopped) errors.push(outage(result, url, result.stopped));
  const leftOut = Object.entries(result.leftOut).map(([what, times]) => `\n${count(times)} ${what}`);
  return { errors, summary: summarize(result) + leftOut.join('') };
}

function outage({ streams, events, repeated }: ImportResult, url: string, stopped: Error): string {
  const none = streams + events + repeated === 0;
  return none
    ? `no server answers at ${url}: start one with \`npm start\`, or name another with --url (${stopped.message})`
    : `the server at ${url} stopped answering: run the same import again to continue (${stopped.message})`;
}

function summarize(result: ImportResult): string {
  const { events, streams, repeated, conflicts, failed, unfinished, seconds } = result;
  const rate = Math.round((events + repeated) / Math.max(seconds, 0.001));
  return [
    `${count(events)} events written`,
    `${count(repeated)} already there`,
    `${count(streams)} streams complete`,
    `${count(conflicts)} conflicts`,
    `${count(failed)} failed`,
    ...(unfinished > 0 ? [`${count(unfinished)} unfinished`] : []),
    `${seconds.toFixed(1)} s`,
    `${count(rate)} events/s`,
  ].join(', ');
}

const count = (n: number): string => n.toLocaleString('en');
