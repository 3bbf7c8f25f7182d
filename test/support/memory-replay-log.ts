import type { LogScope, PartitionExtent, ReplayLog, ReplayPage, ReplayRange } from '../../core/replays/replay-log.ts';
import type { Commit } from '../../core/store/commit.ts';

/** A log of one partition in memory, a page for each call of `append`. */
export class MemoryReplayLog implements ReplayLog {
  readonly #pages: (readonly Commit[])[] = [];

  append(...commits: readonly Commit[]): void {
    if (commits.length > 0) this.#pages.push(commits);
  }

  async extents(): Promise<PartitionExtent[]> {
    const events = this.#pages.flat().reduce((sum, { count }) => sum + count, 0);
    return this.#pages.length > 0 ? [{ partition: 'all', from: 1, to: this.#pages.length, events }] : [];
  }

  async *pages({ from, to }: ReplayRange, scope: LogScope): AsyncGenerator<ReplayPage> {
    for (const page of this.#pages.slice(from - 1, to)) {
      const events = page.reduce((sum, { count }) => sum + count, 0);
      yield { commits: page.filter((commit) => isWanted(commit, scope)), events };
    }
  }
}

function isWanted({ stream, types, recordedAt }: Commit, scope: LogScope): boolean {
  const { from = '', to = '~', aggregateType } = scope;
  const ofType = scope.types === undefined || types.some((type) => scope.types?.includes(type));
  const ofAggregate = aggregateType === undefined || stream.startsWith(`${aggregateType}-`);
  return ofType && ofAggregate && from <= recordedAt && recordedAt <= to;
}
