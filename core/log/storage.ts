import type { LogPage } from './page.ts';

export interface PageRange {
  /** Pages with a greater number than this. */
  readonly after: number;
  /** Most pages to read; all when absent. */
  readonly limit?: number;
  /** Shows every page that was put before the call; without, a page may be missing for a moment after it was put. */
  readonly consistent?: boolean;
}

/**
 * The port to whatever keeps the pages of the log, and marks beside them. {@link LogWriter} decides what a page holds and
 * where the next one goes; the storage only guarantees that no page is ever written over, and that no mark ever falls.
 *
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface LogStorage {
  /**
   * Writes a page if its number is free in its partition.
   * @returns undefined when it was written, else the page that has the number
   */
  put(page: LogPage): Promise<LogPage | undefined>;

  /** The last page of a partition (strongly consistent), if it has any. */
  last(partition: string): Promise<LogPage | undefined>;

  /** The pages of a range in their order, fetched as they are taken. Pages that were removed after archiving are left out. */
  read(partition: string, range: PageRange): AsyncIterable<LogPage>;

  /** Lets pages go that are archived, at once or after a while: `first` to `last`, both included. Again is no error. */
  expire(partition: string, first: number, last: number): Promise<void>;

  /** The marks under these keys (strongly consistent). A key without a mark is left out. */
  marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /**
   * Raises marks: afterwards each is at least as high as given. None is ever lowered, so that a writer that was held up
   * for long does no harm. Not atomic: after an error some may be raised.
   * @param fresh keys that have no mark yet, as far as the caller knows: a hint
   */
  raiseMarks(marks: ReadonlyMap<string, number>, fresh?: ReadonlySet<string>): Promise<void>;

  /** Calls `listener` after pages were put, where the storage can tell. @returns how to stop that */
  onAppended?(listener: () => void): () => void;
}
