import { UnavailableError } from '../base/errors.ts';
import { untilSettled } from '../base/races.ts';
import { type RetryPolicy, withRetry } from '../base/retry.ts';
import type { EventBus } from '../bus/event-bus.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { type Attempt, attemptOf, type Failure, isParked, type Parked, parkedAt } from '../projections/parked.ts';
import type { RedriveResult } from '../projections/redrive.ts';
import { type Commit, decodeCommit, endOf, inStreamOrder, jsonBytesOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { PORTION_BYTES } from '../store/portions.ts';
import type { ParkedStreams } from './parked-streams.ts';

/** A commit with at least one event that did not reach the bus. */
export interface PublicationFailure {
  readonly commit: Commit;
  readonly error: unknown;
}

/** The parts of a {@link Publication}. */
export interface PublicationOptions {
  readonly catalogue: Catalogue;
  readonly bus: EventBus;
  readonly policy: RetryPolicy;
  readonly parked: ParkedStreams;
  /** Called for each stream that is parked because its event cannot be published. */
  readonly onParked: (stream: string, parked: Parked) => void;
  readonly now?: () => Date;
}

/** An event that did not reach the bus after all attempts, or a commit that cannot be read. */
interface Undelivered extends Failure {
  readonly commit: Commit;
  readonly attempts: readonly Attempt[];
}

/** An event that is being published. */
interface Outgoing {
  readonly commit: Commit;
  readonly event: DomainEvent;
  readonly attempts: Attempt[];
  error?: unknown;
}

/** Most commits that a redrive publishes at once; fewer when they are large. */
const REDRIVE_BATCH = 100;

/**
 * Publishes commits to the bus, in their order: at least once, so subscribers deduplicate by event id. Only failed
 * events are tried again. When an event fails in all attempts, its stream is parked as a dead letter of the bus, with
 * its later events.
 */
export class Publication {
  readonly #options: PublicationOptions;

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  /**
   * Publishes the events of commits.
   * @returns the commits to deliver again, in order, because the bus or the storage of marks could not be reached; all
   *   others are published or parked
   */
  async publish(commits: readonly Commit[]): Promise<readonly PublicationFailure[]> {
    let waiting: ReadonlyMap<string, number>;
    try {
      waiting = await this.#options.parked.streams();
    } catch (error) {
      return commits.map((commit) => ({ commit, error }));
    }
    // A late commit may belong before the event at which its stream is parked.
    const wanted = inStreamOrder(commits).filter((commit) => endOf(commit) < (waiting.get(commit.stream) ?? Infinity));
    const undelivered = Map.groupBy(await this.#deliver(wanted), ({ commit }) => commit.stream);
    const unreached = new Map<Commit, unknown>();
    for (const ofStream of undelivered.values())
      for (const { commit, error } of await this.#settle(ofStream)) unreached.set(commit, error);
    return commits.flatMap((commit) => (unreached.has(commit) ? [{ commit, error: unreached.get(commit) }] : []));
  }

  /**
   * Publishes the waiting events of a parked stream in order, from the failing event to the stream's head. Where an
   * event fails, the stream is parked again. The relay skips the stream until the head is reached. A commit that
   * arrives while the stream is opened may overtake the commit before it.
   * @throws UnavailableError; the mark stays, and a repeat continues
   */
  async redrive(stream: string, store: EventStore): Promise<RedriveResult> {
    const { parked } = this.#options;
    const from = (await parked.read(stream)).version;
    return untilSettled(async () => {
      const stored = await parked.read(stream);
      if (!stored.parked) return { from, to: stored.version };
      const { version, failure } = await this.#publishToHead(stream, store, stored.version);
      const again = failure && parkedAt(failure, failure.attempts, stored.parked);
      const open = isParked(stored) ? { ...stored.parked, redriving: true as const } : undefined;
      const isWritten = await parked.write(stored, version, again ?? open);
      return isWritten && again && { from, to: version, parked: again };
    });
  }

  async #publishToHead(stream: string, store: EventStore, from: number) {
    let version = from;
    let batch: Commit[] = [];
    let bytes = 0;
    const flush = async (): Promise<Undelivered | undefined> => {
      const [failure] = (await this.#deliver(batch)).toSorted((a, b) => a.version - b.version);
      if (failure?.error instanceof UnavailableError) throw failure.error;
      const last = batch.at(-1);
      if (last) version = failure ? failure.version - 1 : last.version + last.count - 1;
      batch = [];
      bytes = 0;
      return failure;
    };
    for await (const commit of store.commits(stream, { from: from + 1 })) {
      batch.push(commit);
      bytes += jsonBytesOf(commit);
      const isFull = batch.length === REDRIVE_BATCH || bytes >= PORTION_BYTES;
      const failure = isFull ? await flush() : undefined;
      if (failure) return { version, failure };
    }
    const failure = await flush();
    return failure ? { version, failure } : { version };
  }

  /**
   * Parks a stream at its first event that did not reach the bus, because a redrive begins there. During an outage the
   * stream is not parked, and all its events wait.
   * @returns the commits to deliver again
   */
  async #settle(undelivered: readonly Undelivered[]): Promise<readonly PublicationFailure[]> {
    const [first] = undelivered.toSorted((a, b) => a.version - b.version);
    if (!first) return [];
    if (first.error instanceof UnavailableError) return undelivered; // an outage is no fault of the event
    const { commit, attempts, ...failure } = first;
    try {
      const parked = await this.#options.parked.park(commit.stream, failure, attempts);
      this.#options.onParked(commit.stream, parked);
      return [];
    } catch (error) {
      return undelivered.map((failed) => ({ commit: failed.commit, error }));
    }
  }

  /** @returns the events that did not reach the bus after all attempts; each attempt takes only the remaining events */
  async #deliver(commits: readonly Commit[]): Promise<readonly Undelivered[]> {
    const { bus, catalogue, policy, now = () => new Date() } = this.#options;
    const unreadable: Undelivered[] = [];
    let pending: Outgoing[] = [];
    for (const commit of commits) {
      try {
        pending.push(...decodeCommit(commit, catalogue).map((event) => ({ commit, event, attempts: [] })));
      } catch (error) {
        unreadable.push({ commit, version: commit.version, error, attempts: [attemptOf(error, now())] });
      }
    }
    if (pending.length === 0) return unreadable;
    const attempt = async () => {
      const refused = await bus.publish(pending.map(({ event }) => event));
      const errors = new Map(refused.map(({ event, error }) => [event.id, error]));
      pending = pending.filter(({ event }) => errors.has(event.id));
      for (const outgoing of pending) {
        outgoing.error = errors.get(outgoing.event.id);
        outgoing.attempts.push(attemptOf(outgoing.error, now()));
      }
      if (pending[0]) throw pending[0].error;
    };
    await withRetry(policy, attempt).catch(() => {}); // the pending events have their errors
    return [
      ...unreadable,
      ...pending.map(({ error, ...outgoing }) => ({ ...outgoing, version: outgoing.event.sequenceNumber, error })),
    ];
  }
}
