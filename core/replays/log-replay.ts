import { firstMoment, isoOf, lastMoment } from '../events/instant.ts';
import { LogChain, missing } from '../log/chain.ts';
import { isClosing } from '../log/closing.ts';
import { Selection } from '../log/filter.ts';
import { assertOfHistory } from '../log/history.ts';
import { LogLayouts } from '../log/layouts.ts';
import type { EventLogOptions } from '../log/log.ts';
import { readCommits } from '../log/page.ts';
import { partitionsWith } from '../log/partition.ts';
import { portionsOf } from '../store/portions.ts';
import type { LogScope, PartitionExtent, ReplayLog, ReplayPage, ReplayRange } from './replay-log.ts';

/** The log's pages in ranges, archived pages included. */
export class LogReplay implements ReplayLog {
  readonly #options: EventLogOptions;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  async extents({ from, to, aggregateType }: LogScope): Promise<PartitionExtent[]> {
    const layouts = await new LogLayouts(this.#options).read();
    const partitions = layouts.flatMap((layout) => partitionsWith(layout, aggregateType));
    const extents = await Promise.all(partitions.map((partition) => this.#extent(partition, from, to)));
    return extents.filter((extent) => extent !== undefined);
  }

  async *pages({ partition, from, to }: ReplayRange, scope: LogScope): AsyncGenerator<ReplayPage> {
    const selection = new Selection(scope, this.#options.catalogue);
    let next = from;
    for await (const page of this.#chain(partition).pages(from, { most: to - from + 1 })) {
      next = page.page + 1;
      const wanted = selection.wantsPage(page) ? (await readCommits(page)).filter((each) => selection.wants(each)) : [];
      for (const portion of portionsOf(wanted, (commit) => commit)) {
        const commits = await Promise.all(portion.map((commit) => this.#options.claims?.whole(commit) ?? commit));
        yield { commits, events: 0 };
      }
      yield { commits: [], events: page.count };
      if (page.page === to) return;
    }
    throw missing(partition, next);
  }

  /**
   * The pages of a time range. A commit may be logged after later commits; `latenessMs` of the last page is the most it
   * can be late.
   */
  async #extent(partition: string, from: string | undefined, to: string | undefined) {
    const chain = this.#chain(partition);
    const last = await this.#options.storage.last(partition);
    if (!last) return undefined;
    if (this.#options.history) await assertOfHistory(last, this.#options.history);
    const lastPage = isClosing(last) ? last.page - 1 : last.page;
    const start = from === undefined ? undefined : await chain.seek(isoOf(firstMoment(from)));
    const end = to === undefined ? undefined : await chain.seek(isoOf(lastMoment(to) + last.latenessMs + 1));
    const first = start?.place.page ?? 1;
    const through = Math.min(end?.place.page ?? lastPage, lastPage);
    if (first > through) return undefined;
    const before = start?.before ?? 0;
    const events = Math.max(0, (end?.before ?? last.firstEvent + last.count - 1) - before);
    return { partition, from: first, to: through, events };
  }

  #chain(partition: string): LogChain {
    return new LogChain(this.#options, partition);
  }
}
