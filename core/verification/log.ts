import { CorruptDataError } from '../base/errors.ts';
import { allPartitions, type StoredLog } from '../log/layouts.ts';
import { commitsOf, type LogPage } from '../log/page.ts';
import type { Commit } from '../store/commit.ts';
import { DigestSum, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';
import { type LogPlaces, seePages } from './log-pages.ts';
import type { ChainPlace, VerificationState } from './state.ts';

/**
 * Reads the whole log. Each partition must be one chain of pages and of events, and every page must be readable. Adds
 * the settled commits to the sums of the log.
 */
export async function* checkLog(
  state: VerificationState,
  places: LogPlaces & StoredLog,
  isSettled: (commit: Commit) => boolean,
): AsyncGenerator<readonly Difference[]> {
  for (const partition of await allPartitions(places)) {
    const chain = state.chains[partition] ?? { page: 1, event: 1, before: NOTHING_BEFORE };
    state.chains[partition] = chain;
    for await (const seen of seePages(places, partition, chain.page)) {
      if (!('page' in seen)) {
        const { from, to, kind, detail } = seen;
        const pages = from === to ? `page ${from}` : `pages ${from} to ${to}`;
        Object.assign(chain, { page: to + 1, event: undefined, before: undefined });
        yield [{ part: 'log', place: `partition ${partition}, ${pages}`, kind, detail }];
        continue;
      }
      const { page } = seen;
      const differences = checkPage(page, chain, (commit) => {
        if (isSettled(commit)) addTo(state, commit);
      });
      const { through, latenessMs } = page;
      Object.assign(chain, {
        page: page.page + 1,
        event: page.firstEvent + page.count,
        // A wrong header gives no expectation for the next page.
        before: differences.length === 0 ? { through, latenessMs } : undefined,
      });
      state.extent.pages += 1;
      yield differences;
    }
  }
}

function addTo({ logged }: VerificationState, commit: Commit): void {
  const sum = new DigestSum();
  sum.add(digestOf(commit));
  logged.add(commit.stream, sum);
}

const NOTHING_BEFORE = { through: '', latenessMs: 0 };

function checkPage(page: LogPage, chain: ChainPlace, take: (commit: Commit) => void): Difference[] {
  const difference = (kind: 'differs' | 'unreadable', detail: string): Difference => ({
    ...{ part: 'log', place: `partition ${page.partition}, page ${page.page}` },
    ...{ kind, detail },
  });
  const differences: Difference[] = [];
  if (chain.event !== undefined && page.firstEvent !== chain.event) {
    differences.push(difference('differs', `starts with event ${page.firstEvent}, ${chain.event} is next`));
  }
  try {
    const commits = commitsOf(page);
    for (const commit of commits) take(commit);
    for (const detail of headerFaults(page, commits, chain.before)) differences.push(difference('differs', detail));
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    differences.push(difference('unreadable', error.message));
  }
  return differences;
}

/**
 * Readers skip pages by the types and times in their headers. A wrong header hides events.
 */
function headerFaults(page: LogPage, commits: readonly Commit[], before: ChainPlace['before']): string[] {
  const faults: string[] = [];
  const known = new Set(page.types);
  const hidden = known.size === 0 ? [] : commits.flatMap(({ types }) => types).filter((type) => !known.has(type));
  if (hidden[0] !== undefined) faults.push(`its header leaves out the type ${hidden[0]}`);
  const times = commits.map(({ recordedAt }) => recordedAt).toSorted();
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined) return faults; // a closing page
  if (page.firstRecordedAt > first)
    faults.push(`its header begins at ${page.firstRecordedAt}, its commits at ${first}`);
  const through = before && before.through > last ? before.through : last;
  if (before ? page.through !== through : page.through < last) {
    faults.push(`its header goes through ${page.through}, its commits and the pages before go through ${through}`);
  }
  const late = before ? Math.max(before.latenessMs, Date.parse(before.through) - Date.parse(first) || 0) : 0;
  if (page.latenessMs < late)
    faults.push(`its header gives a lateness of ${page.latenessMs} ms, a commit is ${late} ms late`);
  return faults;
}
