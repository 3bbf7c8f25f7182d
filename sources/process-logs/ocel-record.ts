/** An object or an event of a log, in the form of OCEL 2.0 JSON. It is not checked yet. */
export interface OcelRecord {
  readonly place: string;
  readonly value: unknown;
}

/** An object-centric log in one of its three formats: JSON, XML and SQLite. */
export interface OcelRecords extends Disposable {
  objects(): AsyncIterable<OcelRecord> | Iterable<OcelRecord>;
  events(): AsyncIterable<OcelRecord> | Iterable<OcelRecord>;
}
