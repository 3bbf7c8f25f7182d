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

/** Most commits that are read from the disk at once. */
const BATCH = 100;

/**
 * The log of a replay on the embedded engine: the commits of the store. They have an order already, so each commit is a
 * page, and its position is the number of the page. The log never lags behind the store.
 */
export class SqliteReplayLog implements ReplayLog {
  readonly #commits: SqliteCommitStorage;
  readonly #catalogue: Catalogue;
  readonly #claims: ClaimCheck | undefined;

  /** @param claims fetches the bodies of large commits */
  constructor(commits: SqliteCommitStorage, catalogue: Catalogue, claims?: ClaimCheck) {
    this.#commits = commits;
    this.#catalogue = catalogue;
    this.#claims = claims;
  }

  async extents(scope: LogScope): Promise<PartitionExtent[]> {
    const { from, to } = new Selection(scope, this.#catalogue);
    const found = this.#commits.recordedBetween(from, to);
    return found ? [{ partition: 'commits', from: found.first, to: found.last, events: found.events }] : [];
  }

  async *pages({ from, to }: ReplayRange, scope: LogScope): AsyncGenerator<ReplayPage> {
    const selection = new Selection(scope, this.#catalogue);
    for (let after = from - 1; after < to; ) {
      const read = this.#commits.commitsAfter(after, Math.min(BATCH, to - after));
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
