/** A number with a meaning. Plain numbers pass for it; numbers with another meaning do not. */
type Meaning<Name extends string> = number & { readonly meaning?: Name };

/** The version of the schema of an event type's data, from 1: `version` of an event. */
export type SchemaVersion = Meaning<'schema version'>;

/** A place in a stream: the sequence number of an event, 0 before the first. `version` of a stream, a state or a view. */
export type StreamVersion = Meaning<'stream version'>;

/** A version (0 = the stream must not exist), any version, or any existing stream. */
export type ExpectedVersion = StreamVersion | 'any' | 'exists';
