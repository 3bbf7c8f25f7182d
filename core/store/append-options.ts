import type { ExpectedVersion, SchemaVersion } from '../base/versions.ts';
import type { NewEvent } from '../events/catalogue.ts';
import type { EnvelopeDefaults } from './stamp.ts';

export interface AppendOptions {
  readonly expectedVersion: ExpectedVersion;
  /** Idempotency key: a repeat of the append with the same id writes nothing and returns the first result. */
  readonly commitId?: string | undefined;
  /** The digest of the request: 16 bytes in base64url. A repeat of `commitId` with another digest is refused. */
  readonly digest?: string | undefined;
  /**
   * The caller has just read the stream to `expectedVersion`, and found no commit with this `commitId`: skips the
   * check, never the condition.
   */
  readonly headKnown?: boolean;
  /** The answer of {@link EventStore.check} for these events. */
  readonly checked?: readonly SchemaVersion[];
  readonly defaults?: EnvelopeDefaults;
  /** Trace header, kept with the commit. */
  readonly trace?: string | undefined;
}

/** Events for one stream. */
export interface StreamAppend {
  readonly streamId: string;
  readonly expectedVersion: ExpectedVersion;
  readonly events: readonly NewEvent[];
}
