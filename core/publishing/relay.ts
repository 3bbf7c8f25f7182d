import type { LogAppender } from '../log/writer.ts';
import type { Commit } from '../store/commit.ts';
import type { Publication, PublicationFailure } from './publication.ts';

export interface RelayOptions {
  readonly log: LogAppender;
  readonly publication: Publication;
}

/**
 * Carries commits to the log and then to the bus, in their order. The log has each once; the bus at least once, so
 * subscribers deduplicate by event id.
 */
export class Relay {
  readonly #options: RelayOptions;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /**
   * Logs commits and publishes their events: who hears of an event from the bus finds it in the log.
   * @returns the commits to relay again, in order, because the bus could not be reached; all others are published or parked
   * @throws UnavailableError when some may not be in the log, and none is published; relay the same ones again
   */
  async relay(commits: readonly Commit[]): Promise<readonly PublicationFailure[]> {
    const { log, publication } = this.#options;
    await log.append(commits);
    return publication.publish(commits);
  }
}
