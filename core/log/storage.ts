import type { LogPage } from './page.ts';

/** A range of pages in a partition. */
export interface PageRange {
  /** Pages with a greater number. */
  readonly after: number;
  /** Most pages to read; all when absent. */
  readonly limit?: number;
  /** Whether every page put before the call is shown. Otherwise a page may be missing for a moment after its put. */
  readonly consistent?: boolean;
}

/**
 * The port to the storage of the log's pages and marks. {@link LogWriter} decides the content and the number of a page.
 * The storage guarantees that no page is overwritten and that no mark falls.
 *
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface LogStorage {
  /**
   * Writes a page if its number is free in its partition.
   * @returns undefined when the page was written, otherwise the page that has the number
   */
  put(page: LogPage): Promise<LogPage | undefined>;

  /** The last page of a partition (strongly consistent); undefined for an empty partition. */
  last(partition: string): Promise<LogPage | undefined>;

  /** The pages of a range in their order, fetched when the caller takes them. Removed pages are omitted. */
  read(partition: string, range: PageRange): AsyncIterable<LogPage>;

  /** Removes archived pages, at once or later: `first` to `last`, both included. A repeated call is no error. */
  expire(partition: string, first: number, last: number): Promise<void>;

  /** The marks under these keys (strongly consistent). A key without a mark is omitted. */
  marks(keys: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /**
   * Raises marks: afterwards each is at least as high as given. No mark is lowered, so a delayed writer does no harm.
   * Not atomic: after an error some marks may be raised.
   * @param fresh keys without a mark, as far as the caller knows; a hint
   */
  raiseMarks(marks: ReadonlyMap<string, number>, fresh?: ReadonlySet<string>): Promise<void>;

  /** Calls `listener` after each put, where the storage can report puts. @returns a function that stops the calls */
  onAppended?(listener: () => void): () => void;
}
