import { ValidationError } from '../base/errors.ts';
import { assertId, parseStreamId } from '../base/stream-id.ts';
import type { ExpectedVersion, SchemaVersion, StreamVersion } from '../base/versions.ts';
import type { Catalogue, NewEvent } from '../events/catalogue.ts';
import type { AppendOptions } from './append-options.ts';
import { type Commit, encodeEvents } from './commit.ts';
import type { Put } from './commit-storage.ts';
import { stamped } from './stamp.ts';
import { tagsOf } from './tags.ts';

/** Bytes of an item besides its strings and its body: attribute names, numbers and types. */
const ITEM_OVERHEAD_BYTES = 128;

/** A commit without its place: validated, stamped and encoded once for all attempts. */
export interface Draft {
  readonly commit: Omit<Commit, 'version'>;
  /** The ids that callers gave to events, each with its index. */
  readonly given: ReadonlyMap<string, number>;
  /** The tags of the events, each with the indices of its events. */
  readonly tags: ReadonlyMap<string, readonly number[]>;
  /** The ids of all events. */
  readonly eventIds: readonly string[];
}

/** What a draft is made with. */
export interface DraftParts {
  readonly catalogue: Catalogue;
  readonly newId: () => string;
  readonly now: () => Date;
  readonly maxBytes: number | undefined;
  /** Checks the events when no answer of a check is given. */
  readonly check: () => Promise<readonly SchemaVersion[]>;
}

/**
 * Drafts the commit of an append.
 * @throws ValidationError, InvalidIdError, PayloadTooLargeError
 */
export async function draftOf(
  { catalogue, newId, now, maxBytes, check }: DraftParts,
  stream: string,
  events: readonly NewEvent[],
  options: AppendOptions,
): Promise<Draft> {
  parseStreamId(stream);
  assertExpectedVersion(options.expectedVersion);
  if (options.commitId !== undefined) assertId(options.commitId);
  const versions = options.checked ?? (await check());
  const tags = tagsOf(catalogue, events);
  const recordedAt = now().toISOString();
  const stamp = { recordedAt, newId, defaults: options.defaults };
  const stored = events.map((event, index) => stamped(event, versions[index] ?? 1, stamp));
  const types = [...new Set(stored.map((event) => event.type))];
  const commitId = options.commitId ?? newId();
  const { digest, trace } = options;
  const overhead = ITEM_OVERHEAD_BYTES + [stream, commitId, ...types, digest ?? '', trace ?? ''].join('').length;
  const commit = {
    stream,
    count: events.length,
    commitId,
    keyed: options.commitId !== undefined,
    recordedAt,
    types,
    body: await encodeEvents(stored, overhead, maxBytes),
    ...(digest === undefined ? {} : { digest }),
    ...(trace ? { trace } : {}),
  };
  const given = events.flatMap(({ id }, index) => (id === undefined ? [] : [[id, index] as const]));
  return { commit, given: new Map(given), tags, eventIds: stored.map(({ id }) => id) };
}

/** The commit of a draft at a place. */
export function placed({ commit, given }: Draft, version: StreamVersion): Put {
  return { commit: { ...commit, version }, given: new Map([...given].map(([id, index]) => [id, version + index])) };
}

function assertExpectedVersion(expected: ExpectedVersion): void {
  if (expected === 'any' || expected === 'exists') return;
  if (Number.isSafeInteger(expected) && expected >= 0) return;
  throw new ValidationError([{ path: 'expectedVersion', message: 'must be a whole number from 0, "any" or "exists"' }]);
}
