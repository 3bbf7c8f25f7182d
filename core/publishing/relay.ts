import type { LogAppender } from '../log/writer.ts';
import type { Commit } from '../store/commit.ts';
import type { Publication, PublicationFailure } from './publication.ts';

/** The parts of a {@link Relay}. */
export interface RelayOptions {
  readonly log: LogAppender;
  readonly publication: Publication;
}

/**
 * Puts commits into the log and then on the bus, in their order. The log has each commit once. The bus gets each event
 * at least once, so subscribers deduplicate by event id.
 */
export class Relay {
  readonly #options: RelayOptions;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /**
   * Logs commits, then publishes their events. So the log has every event that a subscriber gets.
   * @returns the commits to relay again, in order, because the bus could not be reached; all others are published or
   *   parked
   * @throws UnavailableError when some commits may not be in the log; no event is published then. Relay them again
   */
  async relay(commits: readonly Commit[]): Promise<readonly PublicationFailure[]> {
    const { log, publication } = this.#options;
    await log.append(commits);
    return publication.publish(commits);
  }
}
