import type { Commit } from '../store/commit.ts';

/** Pages of one partition of the log, from `from` to `to`, both included. */
export interface ReplayRange {
  readonly partition: string;
  readonly from: number;
  readonly to: number;
}

/** The pages of a partition that can hold wanted events, and the number of their events. */
export interface PartitionExtent extends ReplayRange {
  readonly events: number;
}

/** A selection of the log's events. Instants are compared with `recordedAt`, both ends included. */
export interface LogScope {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly aggregateType?: string | undefined;
}

/** A page, or a part of a page: the commits that a replay holds in memory at once. */
export interface ReplayPage {
  /** The whole commits with an event of the scope. */
  readonly commits: readonly Commit[];
  /** Number of read events, in or outside the scope. The parts of a page add up to all events of the page. */
  readonly events: number;
}

/** The port to the log for replays. Ranges of pages can be processed side by side. */
export interface ReplayLog {
  /** The pages with wanted events, up to the present end of the log. Partitions without such pages are absent. */
  extents(scope: LogScope): Promise<readonly PartitionExtent[]>;
  /**
   * The pages of a range in their order, fetched when the caller takes them. @throws CorruptDataError that names the
   * page
   */
  pages(range: ReplayRange, scope: LogScope): AsyncIterable<ReplayPage>;
}
