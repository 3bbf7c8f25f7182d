import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzip, gzipSync } from 'node:zlib';
import { TimeoutStrategy, timeout } from 'cockatiel';
import * as devalue from 'devalue';
import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { Clock } from '../events/clock.ts';
import { json } from '../events/json.ts';
import { type Commit, endOf, identityOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type Metrics, noMetrics } from '../telemetry/metrics.ts';
import { type Fold, type Folded, schemaOf } from './fold.ts';

/** A folded state as a starting point of later loads. */
export interface Snapshot<State> extends Folded<State> {
  readonly stream: string;
  /** The latest `recordedAt` of its events. */
  readonly recordedAt: string;
  /** The latest `timestamp` of its events. Snapshots of earlier versions have none. */
  readonly happenedBy?: string;
  /** The identity of its last commit; see {@link identityOf}. Snapshots of earlier versions have none. */
  readonly endsIn?: string;
}

/**
 * The reason why a snapshot cannot be used; the cost is a longer read. `foreign`: the stream lacks its last commit,
 * because events were restored from an older backup.
 */
export type SnapshotFault = 'missing' | 'corrupt' | 'schema' | 'unavailable' | 'foreign';

/** The commits that snapshots have to end in. */
export type SnapshotHistory = Pick<EventStore, 'commits'>;

export interface SnapshotStoreOptions {
  /** The event types: a snapshot of other versions of them is passed over. */
  readonly catalogue: Catalogue;
  /** Events from one snapshot to the next. */
  readonly interval?: number;
  /** Called for each unusable snapshot, for the log. */
  readonly onFault?: (fault: SnapshotFault, key: string, error?: unknown) => void;
  readonly metrics?: Metrics;
}

/** The range of a snapshot: the newest up to this version and, with `at`, up to that instant. */
export interface SnapshotRange {
  readonly version: StreamVersion;
  readonly at?: Date | undefined;
  /** The time of events that `at` means: `recorded` by default. */
  readonly clock?: Clock | undefined;
}

export const DEFAULT_SNAPSHOT_INTERVAL = 100;
/** Pruning keeps this many of the newest snapshots, and the first of every thousand events. */
const KEPT = 3;
const KEPT_EVERY = 1_000;

/** A read without a snapshot takes seconds at worst; a longer wait for a snapshot is no gain. */
const patience = timeout(2_000, TimeoutStrategy.Aggressive);
/** Snapshots to try before a read of the whole stream. */
const ATTEMPTS = 3;
/** Larger states are refused, to protect the memory of readers. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;

const stored = z.strictObject({
  fold: z.string(),
  stream: z.string(),
  version: z.int().positive(),
  recordedAt: z.iso.datetime(),
  happenedBy: z.string().exactOptional(),
  schema: z.string(),
  endsIn: z.string().exactOptional(),
  sha256: z.string(),
  /** As devalue flattens it: JSON knows no maps and sets. */
  state: z.array(json),
});
type Stored = z.output<typeof stored>;

/**
 * Snapshots as gzipped JSON in an object store. A snapshot is a cache: instead of a faulty snapshot an older one or the
 * events serve, and `onFault` is called.
 */
export class SnapshotStore {
  readonly #objects: ObjectStore;
  readonly #catalogue: Catalogue;
  readonly #onFault: NonNullable<SnapshotStoreOptions['onFault']>;
  readonly #metrics: Metrics;
  /** Events from one snapshot to the next. */
  readonly interval: number;

  constructor(objects: ObjectStore, options: SnapshotStoreOptions) {
    this.#objects = objects;
    this.#catalogue = options.catalogue;
    this.interval = options.interval ?? DEFAULT_SNAPSHOT_INTERVAL;
    this.#metrics = options.metrics ?? noMetrics;
    this.#onFault = (fault, ...details) => {
      this.#metrics.count('snapshot_reads_total', { result: fault });
      options.onFault?.(fault, ...details);
    };
  }

  /** The last multiple of the interval up to a version: the place of its snapshot; 0 = no snapshot. */
  milestone(version: number): number {
    return version - (version % this.interval);
  }

  /**
   * The newest usable snapshot in a range that ends in a commit of this history.
   * @throws UnavailableError when the commit is unreachable
   */
  async newest<State>(
    fold: Fold<State>,
    stream: string,
    range: SnapshotRange,
    history: SnapshotHistory,
  ): Promise<Snapshot<State> | undefined> {
    for (let { version } = range; ; ) {
      const candidate = await this.candidate(fold, stream, { ...range, version });
      if (!candidate || this.accepts(fold, candidate, await lastCommit(history, candidate))) return candidate;
      version = this.milestone(candidate.version) - 1;
    }
  }

  /** The newest snapshot in a range, to be checked by {@link accepts}. Does not throw. */
  async candidate<State>(
    fold: Fold<State>,
    stream: string,
    range: SnapshotRange,
  ): Promise<Snapshot<State> | undefined> {
    const milestone = this.milestone(range.version);
    if (milestone === 0) return undefined;
    try {
      const likely = range.at ? undefined : await this.#usable(fold, stream, keyOf(fold, stream, milestone), range);
      return likely ?? (await this.#older(fold, stream, milestone, range));
    } catch (error) {
      this.#onFault('unavailable', folderOf(fold, stream), error);
      return undefined;
    }
  }

  /**
   * Whether a snapshot belongs to the history with this commit at its end.
   * @param commit 'damaged' for an unreadable commit, which is no sign of another history
   */
  accepts<State>(fold: Fold<State>, snapshot: Snapshot<State>, commit: Commit | 'damaged' | undefined): boolean {
    const isOwn = commit === 'damaged' || (commit !== undefined && endsIn(snapshot, commit));
    if (isOwn) this.#metrics.count('snapshot_reads_total', { result: 'hit' });
    else this.#onFault('foreign', keyOf(fold, snapshot.stream, this.milestone(snapshot.version)));
    return isOwn;
  }

  /** Stores a state, and deletes the snapshot that is no longer among the newest. @throws UnavailableError */
  async put<State>(fold: Fold<State>, snapshot: Snapshot<State>): Promise<void> {
    const { stream, version, recordedAt, happenedBy, endsIn } = snapshot;
    if (snapshot.state === undefined) return;
    const text = devalue.stringify(snapshot.state);
    const own = {
      ...(happenedBy === undefined ? {} : { happenedBy }),
      ...(endsIn === undefined ? {} : { endsIn }),
    };
    const schema = schemaOf(fold, this.#catalogue);
    const place = { fold: fold.name, stream, version, recordedAt, schema, ...own };
    const content = { ...place, sha256: hashOf(place, text), state: JSON.parse(text) } satisfies Stored;
    const milestone = this.milestone(version);
    await this.#objects.put(keyOf(fold, stream, milestone), await packed(JSON.stringify(content)));
    const outdated = milestone - KEPT * this.interval;
    if (outdated > 0 && outdated % KEPT_EVERY >= this.interval)
      await this.#objects.delete(keyOf(fold, stream, outdated));
  }

  /** The snapshots before the likely one; with a time all of them, since keys have no time. */
  async #older<State>(fold: Fold<State>, stream: string, milestone: number, range: SnapshotRange) {
    const last = keyOf(fold, stream, milestone);
    const keys: string[] = [];
    for await (const { key, modifiedAt } of this.#objects.list(folderOf(fold, stream))) {
      if (key > last || (key === last && !range.at)) break;
      // A snapshot is written after its events: written before the instant, it is in range. Others may be in range, and
      // cost a read.
      if (range.at && Date.parse(modifiedAt) > range.at.getTime()) break;
      keys.push(key);
    }
    for (const key of keys.slice(-ATTEMPTS).reverse()) {
      const snapshot = await this.#usable(fold, stream, key, range);
      if (snapshot) return snapshot;
    }
    return undefined;
  }

  async #usable<State>(fold: Fold<State>, stream: string, key: string, range: SnapshotRange) {
    const bytes = await patience.execute(() => this.#objects.get(key));
    if (!bytes) this.#onFault('missing', key);
    const snapshot = bytes && (await this.#decode(fold, stream, key, bytes));
    return snapshot && isWithin(snapshot, range) ? snapshot : undefined;
  }

  async #decode<State>(
    fold: Fold<State>,
    stream: string,
    key: string,
    bytes: Uint8Array,
  ): Promise<Snapshot<State> | undefined> {
    try {
      const json = (await unpacked(bytes)).toString();
      const { state, sha256, ...place } = stored.parse(JSON.parse(json));
      if (sha256 !== hashOf(place, JSON.stringify(state)) || place.fold !== fold.name || place.stream !== stream) {
        throw new Error('the hash is of something else');
      }
      // Hash and schema prove that this is a state of this fold.
      if (place.schema === schemaOf(fold, this.#catalogue))
        return { ...place, state: devalue.unflatten(state) as State };
      this.#onFault('schema', key);
    } catch (error) {
      this.#onFault('corrupt', key, error);
    }
    return undefined;
  }
}

/** Whether every event of a snapshot is in a range. */
function isWithin(
  { version, recordedAt, happenedBy }: Snapshot<unknown>,
  { version: to, at, clock }: SnapshotRange,
): boolean {
  if (version > to) return false;
  const latest = clock === 'happened' ? happenedBy : recordedAt;
  return at === undefined || (latest !== undefined && Date.parse(latest) <= at.getTime());
}

/** A snapshot of an earlier version has at least the time of its last commit. A replacing commit is later. */
function endsIn({ version, recordedAt, endsIn: identity }: Snapshot<unknown>, commit: Commit): boolean {
  if (endOf(commit) !== version) return false;
  return identity === undefined ? commit.recordedAt <= recordedAt : identity === identityOf(commit);
}

async function lastCommit(history: SnapshotHistory, { stream, version }: Snapshot<unknown>) {
  const range = { direction: 'backward', from: version, to: version, limit: 1 } as const;
  try {
    for await (const commit of history.commits(stream, range)) return commit;
    return undefined;
  } catch (error) {
    if (error instanceof CorruptDataError) return 'damaged';
    throw error;
  }
}

const isThere = (value: unknown): boolean => value !== undefined;

const gzipAside = promisify(gzip);
const gunzipAside = promisify(gunzip);
/** Text from this size on is compressed by another thread, and bytes from a quarter of it on are decompressed by one. */
const ASIDE_BYTES = 16 * 1024;
const UNPACKED = { maxOutputLength: MAX_STATE_BYTES };

const packed = (json: string): Uint8Array | Promise<Uint8Array> =>
  json.length < ASIDE_BYTES ? gzipSync(json) : gzipAside(json);

const unpacked = (bytes: Uint8Array): Buffer | Promise<Buffer> =>
  bytes.length < ASIDE_BYTES / 4 ? gunzipSync(bytes, UNPACKED) : gunzipAside(bytes, UNPACKED);

const folderOf = <State>(fold: Fold<State>, stream: string): string => `snapshots/${fold.name}/${stream}/`;

/** Padded, so that keys sort as versions do. */
const keyOf = <State>(fold: Fold<State>, stream: string, milestone: number): string =>
  `${folderOf(fold, stream)}${String(milestone).padStart(16, '0')}`;

const hashOf = (place: Omit<Stored, 'sha256' | 'state'>, state: string): string =>
  createHash('sha256')
    .update(
      JSON.stringify(
        [
          ...[place.fold, place.stream, place.version, place.recordedAt],
          ...[place.happenedBy, place.schema, place.endsIn],
        ].filter(isThere),
      ),
    )
    .update(state)
    .digest('hex');
