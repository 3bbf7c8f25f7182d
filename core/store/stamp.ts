import type { SchemaVersion } from '../base/versions.ts';
import type { NewEvent } from '../events/catalogue.ts';
import type { StoredEvent } from './commit.ts';

/** Envelope members of events without their own. */
export interface EnvelopeDefaults {
  readonly source?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
}

/** The facts of an append that its events get. */
export interface Stamp {
  readonly recordedAt: string;
  readonly newId: () => string;
  readonly defaults?: EnvelopeDefaults | undefined;
}

/** A new event as it is stored. @param version the version of the schema by which its data was checked */
export function stamped(event: NewEvent, version: SchemaVersion, { recordedAt, newId, defaults }: Stamp): StoredEvent {
  const { id, type, timestamp, source, correlationId, causationId, data, ...rest } = event;
  return {
    id: id ?? newId(),
    type,
    version,
    timestamp: timestamp ? new Date(timestamp).toISOString() : recordedAt,
    source: source ?? defaults?.source ?? 'annals',
    ...optional('correlationId', correlationId ?? defaults?.correlationId),
    ...optional('causationId', causationId ?? defaults?.causationId),
    ...rest,
    data,
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
