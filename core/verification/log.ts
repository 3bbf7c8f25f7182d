import { CorruptDataError } from '../base/errors.ts';
import { allPartitions, type StoredLog } from '../log/layouts.ts';
import { commitsOf, type LogPage } from '../log/page.ts';
import type { Commit } from '../store/commit.ts';
import { DigestSum, digestOf } from './commit-sums.ts';
import type { Difference } from './difference.ts';
import { type LogPlaces, seePages } from './log-pages.ts';
import type { VerificationState } from './state.ts';

/**
 * Reads the whole log: each partition has to be one chain of pages and of events, and every page has to be readable. Adds
 * up the commits that `isSettled` takes.
 */
export async function* checkLog(
  state: VerificationState,
  places: LogPlaces & StoredLog,
  isSettled: (commit: Commit) => boolean,
): AsyncGenerator<readonly Difference[]> {
  for (const partition of await allPartitions(places)) {
    const chain = state.chains[partition] ?? { page: 1, event: 1 };
    state.chains[partition] = chain;
    for await (const seen of seePages(places, partition, chain.page)) {
      if (!('page' in seen)) {
        const { from, to, kind, detail } = seen;
        const pages = from === to ? `page ${from}` : `pages ${from} to ${to}`;
        Object.assign(chain, { page: to + 1, event: undefined });
        yield [{ part: 'log', place: `partition ${partition}, ${pages}`, kind, detail }];
        continue;
      }
      const { page } = seen;
      const differences = checkPage(page, chain.event, (commit) => {
        if (isSettled(commit)) addTo(state, commit);
      });
      Object.assign(chain, { page: page.page + 1, event: page.firstEvent + page.count });
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

/** @param firstEvent the number that its first event should have; undefined behind a page that is not there */
function checkPage(page: LogPage, firstEvent: number | undefined, take: (commit: Commit) => void): Difference[] {
  const difference = (kind: 'differs' | 'unreadable', detail: string): Difference => ({
    ...{ part: 'log', place: `partition ${page.partition}, page ${page.page}` },
    ...{ kind, detail },
  });
  const differences: Difference[] = [];
  if (firstEvent !== undefined && page.firstEvent !== firstEvent) {
    differences.push(difference('differs', `starts with event ${page.firstEvent}, ${firstEvent} is next`));
  }
  try {
    for (const commit of commitsOf(page)) take(commit);
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    differences.push(difference('unreadable', error.message));
  }
  return differences;
}
