import type { DomainEvent } from '../events/catalogue.ts';
import { type Commit, decodeCommit } from './commit.ts';
import type { EventBus } from './event-bus.ts';
import { type RetryPolicy, withRetry } from './processor.ts';

/** A commit of which at least one event did not reach the bus. */
export interface RelayFailure {
  readonly commit: Commit;
  readonly error: unknown;
}

/**
 * Carries commits to the bus, in their order: at least once, so subscribers deduplicate by event id. What fails is tried
 * again alone; what still fails is reported, and the caller keeps it from being lost.
 */
export class Relay {
  readonly #bus: EventBus;
  readonly #policy: RetryPolicy;

  constructor(bus: EventBus, policy: RetryPolicy) {
    this.#bus = bus;
    this.#policy = policy;
  }

  /** Publishes the events of commits. @returns the commits not published whole, in order; empty when all is well */
  async publish(commits: readonly Commit[]): Promise<readonly RelayFailure[]> {
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
      await withRetry(this.#policy, async () => {
        const refused = await this.#bus.publish(pending);
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
