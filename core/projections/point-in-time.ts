import { heapSizeOf } from '../base/heap-size.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { Catalogue } from '../events/catalogue.ts';
import type { JsonObject } from '../events/json.ts';
import { type Fold, foldCommit } from '../state/fold.ts';
import { type Commit, endOf, jsonBytesOf } from '../store/commit.ts';
import { evolveView, type ProjectionOf } from './projection.ts';

/** A view at a moment in the past. */
export interface PastView {
  readonly key: string;
  readonly version: StreamVersion;
  readonly view: JsonObject;
}

/** A view is measured at its first commit, at each commit of so many bytes, and at one in so many of the others. */
const MEASURED_BYTES = 1_024;
const MEASURED_EVERY = 64;

/** Whether a fold measures what it has of a stream after its `taken`th commit: what grew much always counts. */
export const isMeasured = (commit: Commit, taken: number): boolean =>
  commit.version === 1 || jsonBytesOf(commit) >= MEASURED_BYTES || taken % MEASURED_EVERY === 0;

/** All views of a projection, folded in memory from the commits of its streams in the order of the log. */
export class PastViews {
  readonly #fold: Pick<Fold<JsonObject | undefined>, 'evolve'>;
  readonly #catalogue: Catalogue;
  readonly #views = new Map<string, { version: number; view: JsonObject | undefined; bytes: number }>();
  #sorted: readonly PastView[] | undefined;
  #taken = 0;
  #bytes = 0;

  constructor(projection: ProjectionOf<JsonObject>, catalogue: Catalogue) {
    this.#catalogue = catalogue;
    this.#fold = { evolve: (view, event) => evolveView(projection, view, event) };
  }

  /** Bytes of memory of the views, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Folds a commit into its view. A commit that the view has, or that does not follow the view, is skipped. */
  take(commit: Commit): void {
    const { aggregateId: key } = parseStreamId(commit.stream);
    const known = this.#views.get(key) ?? { version: 0, view: undefined, bytes: 0 };
    // When clocks disagree, a commit can have an earlier time than the commit before it. No view skips an event.
    if (commit.version > known.version + 1 || endOf(commit) <= known.version) return;
    const before = { state: known.view, version: known.version };
    const { state: view, version } = foldCommit(this.#fold, before, commit, { catalogue: this.#catalogue });
    const bytes = isMeasured(commit, this.#taken++) ? 256 + heapSizeOf(view) : known.bytes;
    this.#bytes += bytes - known.bytes;
    this.#views.set(key, { version, view, bytes });
    this.#sorted = undefined;
  }

  /** The views in the order of their keys. */
  views(): readonly PastView[] {
    this.#sorted ??= [...this.#views]
      .flatMap(([key, { version, view }]) => (view === undefined ? [] : [{ key, version, view }]))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return this.#sorted;
  }
}
