import type { Catalogue } from '../../../core/events/catalogue.ts';
import { Selection } from '../../../core/log/filter.ts';
import type {
  LogScope,
  PartitionExtent,
  ReplayLog,
  ReplayPage,
  ReplayRange,
} from '../../../core/replays/replay-log.ts';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import { portionsOf } from '../../../core/store/portions.ts';
import type { SqliteCommitStorage } from './commit-storage.ts';

/** Commits read from the disk at once. */
const READ_AT_ONCE = 100;

/**
 * The commits of one machine as a replay reads them. They have one order already and all are kept, so a page is one
 * commit, its number the commit's position, and nothing is ever behind.
 */
export class SqliteReplayLog implements ReplayLog {
  readonly #commits: SqliteCommitStorage;
  readonly #catalogue: Catalogue;
  readonly #claims: ClaimCheck | undefined;

  /** @param claims gets large commits their bodies */
  constructor(commits: SqliteCommitStorage, catalogue: Catalogue, claims?: ClaimCheck) {
    this.#commits = commits;
    this.#catalogue = catalogue;
    this.#claims = claims;
  }

  async extents(scope: LogScope): Promise<PartitionExtent[]> {
    const { from, to } = new Selection(scope, this.#catalogue);
    const span = this.#commits.span(from, to);
    return span ? [{ partition: 'commits', from: span.first, to: span.last, events: span.events }] : [];
  }

  async *pages({ from, to }: ReplayRange, scope: LogScope): AsyncGenerator<ReplayPage> {
    const selection = new Selection(scope, this.#catalogue);
    for (let after = from - 1; after < to; ) {
      const read = this.#commits.commitsAfter(after, Math.min(READ_AT_ONCE, to - after));
      const last = read.at(-1);
      if (!last) return;
      for (const portion of portionsOf(read, ({ commit }) => commit)) {
        const wanted = portion.map(({ commit }) => commit).filter((commit) => selection.wants(commit));
        const commits = await Promise.all(wanted.map((commit) => this.#claims?.whole(commit) ?? commit));
        yield { commits, events: portion.reduce((sum, { commit }) => sum + commit.count, 0) };
      }
      after = last.position;
    }
  }
}
