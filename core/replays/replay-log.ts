import type { Commit } from '../store/commit.ts';

/** Pages of one partition of the log, from `from` to `to`, both included. */
export interface ReplayRange {
  readonly partition: string;
  readonly from: number;
  readonly to: number;
}

/** The pages of a partition that can hold what is asked for, and how many events they have. */
export interface PartitionExtent extends ReplayRange {
  readonly events: number;
}

/** What is wanted of the log. Instants are of recording, both ends included. */
export interface LogScope {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly aggregateType?: string | undefined;
}

/** A page, or a part of one, as a replay takes it: what it may have in memory at once. */
export interface ReplayPage {
  /** The commits that hold an event of the scope, whole. */
  readonly commits: readonly Commit[];
  /** Number of all events that are read with it, of the scope or not; over the parts of a page all of that page. */
  readonly events: number;
}

/** The log as a replay reads it: in ranges of pages, which can be worked on side by side. */
export interface ReplayLog {
  /** Where the log has what is asked for, up to its present end. Partitions with nothing are left out. */
  extents(scope: LogScope): Promise<readonly PartitionExtent[]>;
  /** The pages of a range in their order, fetched as they are taken. @throws CorruptDataError that names the page */
  pages(range: ReplayRange, scope: LogScope): AsyncIterable<ReplayPage>;
}
