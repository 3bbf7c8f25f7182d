import type { Json } from '../../core/events/json.ts';
import type { LogInstant } from './log-instant.ts';

/** An event of a log. */
export interface LogRow {
  /** The place in the file, such as `line 7`. */
  readonly place: string;
  readonly at: LogInstant;
  readonly activity: string;
  /** The transition of the lifecycle, in small letters; complete when the log gives none. */
  readonly transition?: string | undefined;
  readonly resource?: string | undefined;
  readonly instance?: string | undefined;
  /** The further values by name. Names that begin with `case:` belong to the case. */
  readonly attributes: ReadonlyMap<string, Json>;
}

/** A log as the importer sees it. */
export interface LogNames {
  /** Text before the name of each case. */
  readonly prefix: string;
  readonly workflowType: string;
  /** The name of the file, without the ending of a packed file. */
  readonly file: string;
}
