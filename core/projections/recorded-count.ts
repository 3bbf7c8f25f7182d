import type { Catalogue } from '../events/catalogue.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import { type AnySharedProjection, type Increments, type RecordedViews, Tally } from './shared-projection.ts';

/** Bytes of memory of a view, approximately: a view has no more counters than there are types of events and hours. */
const VIEW_BYTES = 64 * 1024;

/** A view of a range of time, counted from the commits that were recorded in it. */
export class RecordedCount {
  readonly bytes = VIEW_BYTES;
  readonly #key: string;
  readonly #types: readonly string[];
  readonly #count: RecordedViews['count'];
  readonly #catalogue: Catalogue;
  readonly #tally = new Tally();

  constructor(key: string, { types }: AnySharedProjection, { count }: RecordedViews, catalogue: Catalogue) {
    this.#key = key;
    this.#types = types;
    this.#count = count;
    this.#catalogue = catalogue;
  }

  /** Takes the next commit of the range. */
  take(commit: Commit): void {
    for (const event of decodeCommit(commit, this.#catalogue)) {
      if (this.#types.includes(event.type)) this.#tally.add({ [this.#key]: this.#count(event) });
    }
  }

  /** The counters of the view, under its key. */
  increments(): Increments {
    return this.#tally.increments();
  }
}
