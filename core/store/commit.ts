import { channel } from 'node:diagnostics_channel';
import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib';
import { CorruptDataError, PayloadTooLargeError } from '../base/errors.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { upcast } from './upcast.ts';

/** Most events of one append. */
export const MAX_EVENTS_PER_COMMIT = 100;
/** Most bytes of a commit as one item: under DynamoDB's 400 KB per item, with room for keys and attribute names. */
export const MAX_COMMIT_BYTES = 380 * 1024;
/** Most bytes of a commit before compression, so that a body cannot blow up in a reader's memory. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;
/** DynamoDB's write unit: a commit within one costs the same compressed or not, and loads faster plain. */
const WRITE_UNIT_BYTES = 1024;
/** From this size on, bytes are compressed and decompressed by another thread: 16 KB take about half a millisecond. */
const ASIDE_BYTES = 16 * 1024;
/** Shared events are frozen when their JSON is not larger: to freeze many members takes longer than to parse them. */
const MAX_FROZEN_BYTES = 64 * 1024;

/** The events of one append, stored as one item: written whole or not at all. */
export interface Commit {
  readonly stream: string;
  /** Sequence number of the first event. */
  readonly version: StreamVersion;
  /** Number of events; the commit ends at `version + count - 1`. 0 in a note that a request changed nothing. */
  readonly count: number;
  /** The caller's idempotency key, else a ULID. */
  readonly commitId: string;
  /** True when `commitId` came from the caller, who may repeat the append and find it by that id. */
  readonly keyed: boolean;
  /** The digest of the request of a keyed commit; 16 bytes in base64url. */
  readonly digest?: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly recordedAt: string;
  /** The event types inside, each once. */
  readonly types: readonly string[];
  /** A codec byte, then the events. See {@link encodeEvents}. */
  readonly body: Uint8Array;
  /** The claim in place of a body that lies in an object; see core/store/claim-check.ts. */
  readonly claim?: Uint8Array;
  /** Trace header of the append, to link its effects. */
  readonly trace?: string;
  /** The transaction of the commit; absent in a commit that was written alone. */
  readonly transaction?: CommitTransaction;
}

/** Commits of several streams that were written all or none. Readers may see them one by one. */
export interface CommitTransaction {
  readonly id: string;
  /** Number of its commits. */
  readonly size: number;
}

/** Sequence number of the last event of a commit. */
export const endOf = (commit: Pick<Commit, 'version' | 'count'>): StreamVersion => commit.version + commit.count - 1;

/**
 * Distinguishes a commit from every other commit at its place, now or earlier. After events were restored from an older
 * backup, other commits take the places of those that were lost. A commit that is there with this identity has all
 * commits before it that it had when it was written, because commits never change and a restore keeps those before a
 * moment.
 */
export const identityOf = ({ recordedAt, commitId }: Pick<Commit, 'recordedAt' | 'commitId'>): string =>
  `${recordedAt} ${commitId}`;

/** The same commits; those of one stream in its order, in the places that the stream has in the batch. */
export function inStreamOrder(commits: readonly Commit[]): Commit[] {
  const streams = Map.groupBy(commits, ({ stream }) => stream);
  for (const own of streams.values()) own.sort((a, b) => a.version - b.version);
  return commits.flatMap(({ stream }) => streams.get(stream)?.shift() ?? []);
}

/** The stored part of each event; the rest of the envelope follows from the commit. */
export type StoredEvent = Pick<DomainEvent, 'id' | 'type' | 'version' | 'timestamp' | 'source' | 'data'> & {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata?: object | undefined;
  readonly severity?: string;
  readonly category?: string;
};

const Codec = { json: 0, deflate: 1 } as const;
/** In the codec's place when no events follow but where they are. */
export const CLAIM_CODEC = 2;
/** Says that a commit was decoded: its subscribers get the commit. */
const decoded = channel('annals:commit.decoded');

/** One chunk for most bodies: each is a trip to another thread and back. */
const CHUNK_BYTES = 512 * 1024;
const DEFLATED = { level: 6, chunkSize: CHUNK_BYTES };
const INFLATED = { maxOutputLength: MAX_JSON_BYTES, chunkSize: CHUNK_BYTES };

const deflateAside = promisify(deflateRaw);
const inflateAside = promisify(inflateRaw);

/**
 * Encodes the events of a commit: one byte that names the codec, then JSON, deflated (raw, level 6) when the whole item
 * would not fit in one write unit otherwise. Another thread deflates what is large.
 * @param overhead bytes of the item besides the body
 * @param maxBytes what the storage takes; by default {@link MAX_COMMIT_BYTES}
 * @throws PayloadTooLargeError over `maxBytes`
 */
export async function encodeEvents(
  events: readonly StoredEvent[],
  overhead: number,
  maxBytes = MAX_COMMIT_BYTES,
): Promise<Uint8Array> {
  const json = Buffer.from(JSON.stringify(events));
  if (json.length > MAX_JSON_BYTES) throw tooLarge(json.length, maxBytes);
  const plain = json.length + 1 + overhead <= WRITE_UNIT_BYTES;
  const body = plain ? withCodec(Codec.json, json) : withCodec(Codec.deflate, await deflated(json));
  if (body.length > maxBytes) throw tooLarge(body.length, maxBytes);
  return body;
}

const deflated = (json: Uint8Array): Uint8Array | Promise<Uint8Array> =>
  json.length < ASIDE_BYTES ? deflateRawSync(json, { level: 6 }) : deflateAside(json, DEFLATED);

/**
 * The commit with its events as plain JSON when they are large, so that decoding it does not decompress them in this thread;
 * any other as it is, and so is what cannot be decompressed: decoding it is an error, which names the commit.
 */
export async function unpacked(commit: Commit): Promise<Commit> {
  const { body } = commit;
  if (body.length < ASIDE_BYTES || body[0] !== Codec.deflate) return commit;
  try {
    return { ...commit, body: plainBody(await inflateAside(body.subarray(1), INFLATED)) };
  } catch {
    return commit;
  }
}

/** About how many bytes the events of a commit take as JSON: known of plain ones, else four times as many as deflated. */
export const jsonBytesOf = ({ body }: Commit): number => body.length * (body[0] === Codec.deflate ? 4 : 1);

function withCodec(codec: number, bytes: Uint8Array): Uint8Array {
  const body = new Uint8Array(bytes.length + 1);
  body[0] = codec;
  body.set(bytes, 1);
  return body;
}

const tooLarge = (bytes: number, limit: number) =>
  new PayloadTooLargeError(
    `the events of this append take ${bytes} bytes as stored, the limit is ${limit}; append fewer or smaller events`,
  );

/** The ids of a commit's events. @throws CorruptDataError when the body cannot be read */
export const eventIdsOf = (commit: Commit): string[] =>
  (shared.get(commit)?.events ?? storedEventsOf(commit)).map(({ id }) => id);

const shared = new WeakMap<Commit, { events?: readonly DomainEvent[] }>();

/** Keeps the events of a commit with it once it is decoded: all who have this very object share them. */
export function shareEvents(commit: Commit): Commit {
  if (!shared.has(commit)) shared.set(commit, {});
  return commit;
}

/**
 * The events of a commit as readers see them: every reader of stored events comes through here, and so gets them in the
 * versions of today. Nobody may change them, for they may be shared; see {@link shareEvents}.
 * @param catalogue the event types of today
 * @throws CorruptDataError when the body cannot be read; names the stream and version
 * @throws EventVersionError when an event cannot be brought up to date; names the event
 */
export function decodeCommit(commit: Commit, catalogue: Catalogue): readonly DomainEvent[] {
  const keeper = shared.get(commit);
  if (keeper?.events) return keeper.events;
  const events = eventsOf(commit, catalogue);
  if (decoded.hasSubscribers) decoded.publish(commit);
  if (keeper) keeper.events = jsonBytesOf(commit) <= MAX_FROZEN_BYTES ? frozen(events) : events;
  return events;
}

function eventsOf(commit: Commit, catalogue: Catalogue): DomainEvent[] {
  const { aggregateType, aggregateId } = parseStreamId(commit.stream);
  return storedEventsOf(commit).map((stored, index) => {
    const sequenceNumber = commit.version + index;
    const isOpen = catalogue.isOpen(aggregateType, stored.type);
    const event = isOpen ? stored : upcast(stored, { stream: commit.stream, sequenceNumber }, catalogue);
    const { metadata, data, ...rest } = event;
    return {
      ...rest,
      metadata: { ...metadata, ...factsOf(commit) },
      aggregateId,
      aggregateType,
      sequenceNumber,
      data,
    } as DomainEvent; // stored events were validated before they were written
  });
}

/** What every event of a commit shows of it. */
const factsOf = ({ recordedAt, trace, transaction }: Commit) => ({
  recordedAt,
  ...(trace ? { trace } : {}),
  ...(transaction ? { transaction } : {}),
});

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

/**
 * The events of a commit as JSON bytes, without parsing them.
 * @throws CorruptDataError when they cannot be decompressed
 */
export function commitJson(commit: Commit): Uint8Array {
  const bytes = commit.body.subarray(1);
  try {
    if (commit.body[0] === Codec.deflate) return inflateRawSync(bytes, { maxOutputLength: MAX_JSON_BYTES });
    if (commit.body[0] === Codec.json) return bytes;
    if (commit.body[0] === CLAIM_CODEC) throw new Error('the object with its events is not there, or is another');
    throw new Error('unknown codec');
  } catch (cause) {
    throw unreadable(commit, cause);
  }
}

/** A commit's body out of the JSON bytes of its events, plain. */
export const plainBody = (json: Uint8Array): Uint8Array => withCodec(Codec.json, json);

function storedEventsOf(commit: Commit): StoredEvent[] {
  const json = commitJson(commit);
  try {
    const events: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
    if (!Array.isArray(events) || events.length !== commit.count) throw new Error('wrong number of events');
    return events;
  } catch (cause) {
    throw unreadable(commit, cause);
  }
}

const unreadable = ({ version, stream }: Commit, cause: unknown) =>
  new CorruptDataError(`the commit at version ${version} of stream ${stream} cannot be read`, { cause });
