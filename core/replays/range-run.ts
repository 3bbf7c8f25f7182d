import { UnavailableError } from '../base/errors.ts';
import type { Projector } from '../projections/projector.ts';
import { type Commit, jsonBytesOf } from '../store/commit.ts';
import { PORTION_BYTES } from '../store/portions.ts';

/** Commits of a batch: enough to fold the commits of a stream together, and few enough not to delay other requests. */
const BATCH = 100;

/** Applies the commits of a range to a generation, in batches. */
export class RangeRun {
  readonly #projector: Projector;
  readonly #breathe: (() => Promise<void>) | undefined;
  readonly #failures = new Map<string, string>();
  #batch: Commit[] = [];
  #bytes = 0;
  /** The number of events so far. */
  events = 0;

  constructor(projector: Projector, breathe: (() => Promise<void>) | undefined) {
    this.#projector = projector;
    this.#breathe = breathe;
  }

  /** Takes commits, and applies a batch when it is full. @throws UnavailableError */
  async take(commits: readonly Commit[], events: number): Promise<void> {
    this.#batch.push(...commits);
    this.#bytes += commits.reduce((sum, commit) => sum + jsonBytesOf(commit), 0);
    this.events += events;
    if (this.#batch.length >= BATCH || this.#bytes >= PORTION_BYTES) await this.apply();
  }

  /** Applies the taken commits. @throws UnavailableError; an outage is no fault of a stream */
  async apply(): Promise<void> {
    this.#bytes = 0;
    for (const { stream, error } of await this.#projector.apply(this.#batch.splice(0))) {
      if (error instanceof UnavailableError) throw error;
      this.#failures.set(stream, error instanceof Error ? error.message : String(error));
    }
    await this.#breathe?.();
  }

  /** The failed streams with their reasons. */
  failures() {
    return [...this.#failures].map(([stream, message]) => ({ stream, message }));
  }
}
