import { heapSizeOf } from '../base/heap-size.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { StreamVersion } from '../base/versions.ts';
import type { JsonObject } from '../events/json.ts';
import { type Fold, type Folded, foldCommit, start } from '../state/fold.ts';
import { EVER, type Happened, happenedBy } from '../state/happened.ts';
import { type HistoryParts, inherit } from '../state/inherit.ts';
import { type Commit, endOf, jsonBytesOf } from '../store/commit.ts';
import type { ProjectionOf } from './projection.ts';
import { viewFold } from './view-fold.ts';

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

interface Entry extends Folded<Happened<JsonObject | undefined>> {
  readonly bytes: number;
}

/** All views of a projection, folded in memory from the commits of its streams in the order of the log. */
export class PastViews {
  readonly #fold: Fold<JsonObject | undefined>;
  readonly #evolve: ReturnType<typeof happenedBy<JsonObject | undefined>>;
  readonly #histories: HistoryParts;
  readonly #views = new Map<string, Entry>();
  #sorted: readonly PastView[] | undefined;
  #taken = 0;
  #bytes = 0;

  /**
   * @param histories where forks find the state that they inherit
   * @param at leaves out events that happened after this instant; every event counts by default
   */
  constructor(projection: ProjectionOf<JsonObject>, histories: HistoryParts, at: Date = EVER) {
    this.#histories = histories;
    this.#fold = viewFold(projection);
    this.#evolve = happenedBy<JsonObject | undefined>((view, event) => this.#fold.evolve(view, event), at);
  }

  /** Bytes of memory of the views, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Folds a commit into its view. A commit that the view has, or that does not follow the view, is skipped. */
  async take(commit: Commit): Promise<void> {
    const { aggregateId: key } = parseStreamId(commit.stream);
    const known = this.#views.get(key) ?? { version: 0, state: start(this.#fold), bytes: 0 };
    // When clocks disagree, a commit can have an earlier time than the commit before it. No view skips an event.
    if (commit.version > known.version + 1 || endOf(commit) <= known.version) return;
    const before = known.version === 0 ? await this.#inherited(commit) : known;
    const { catalogue } = this.#histories.store;
    const { state, version } = foldCommit({ evolve: this.#evolve }, before, commit, { catalogue });
    const bytes = isMeasured(commit, this.#taken++) ? 256 + heapSizeOf(state) : known.bytes;
    this.#bytes += bytes - known.bytes;
    this.#views.set(key, { version, state, bytes });
    this.#sorted = undefined;
  }

  /** The views in the order of their keys. */
  views(): readonly PastView[] {
    this.#sorted ??= [...this.#views]
      .flatMap(
        ([
          key,
          {
            state: { state: view, version },
          },
        ]) => (view === undefined || version === 0 ? [] : [{ key, version, view }]),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    return this.#sorted;
  }

  /** The state before the first commit of a stream. */
  async #inherited(commit: Commit): Promise<Folded<Happened<JsonObject | undefined>>> {
    const beginning = start(this.#fold);
    const { state } = await inherit(this.#histories, this.#fold, beginning, commit);
    return { state: { ...beginning, state }, version: 0 };
  }
}
