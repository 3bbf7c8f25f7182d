import type { DomainEvent } from '../events/catalogue.ts';
import { type Commit, decodeCommit } from './commit.ts';
import type { EventBus } from './event-bus.ts';
import type { LogAppender } from './log-writer.ts';
import { type RetryPolicy, withRetry } from './processor.ts';

/** A commit of which at least one event did not reach the bus. */
export interface RelayFailure {
  readonly commit: Commit;
  readonly error: unknown;
}

export interface RelayOptions {
  readonly log: LogAppender;
  readonly bus: EventBus;
  readonly policy: RetryPolicy;
}

/**
 * Carries commits to the log and then to the bus, in their order. The log has each once; the bus at least once, so
 * subscribers deduplicate by event id. What does not reach the bus is tried again alone; what still fails is reported,
 * and the caller keeps it from being lost.
 */
export class Relay {
  readonly #options: RelayOptions;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /**
   * Logs commits and publishes their events: who hears of an event from the bus finds it in the log.
   * @returns the commits not published whole, in order; empty when all is well
   * @throws UnavailableError when some may not be in the log, and none is published; relay the same ones again
   */
  async relay(commits: readonly Commit[]): Promise<readonly RelayFailure[]> {
    await this.#options.log.append(commits);
    return this.#publish(commits);
  }

  async #publish(commits: readonly Commit[]): Promise<readonly RelayFailure[]> {
    const { bus, policy } = this.#options;
    const originals = new Map<string, { event: DomainEvent; commit: Commit }>();
    const failures = new Map<Commit, unknown>();
    let pending = commits.flatMap((commit) => {
      try {
        const events = decodeCommit(commit);
        for (const event of events) originals.set(event.id, { event, commit });
        return events;
      } catch (error) {
        failures.set(commit, error);
        return [];
      }
    });
    try {
      await withRetry(policy, async () => {
        const refused = await bus.publish(pending);
        pending = refused.map(({ event }) => originals.get(event.id)?.event ?? event);
        if (refused[0]) throw refused[0].error;
      });
    } catch (error) {
      for (const event of pending) {
        const commit = originals.get(event.id)?.commit;
        if (commit) failures.set(commit, error);
      }
    }
    return commits.flatMap((commit) => (failures.has(commit) ? [{ commit, error: failures.get(commit) }] : []));
  }
}
