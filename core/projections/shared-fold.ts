import { heapSizeOf } from '../base/heap-size.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { foldCommit } from '../state/fold.ts';
import { type Commit, endOf } from '../store/commit.ts';
import { isMeasured } from './point-in-time.ts';
import { evolveView } from './projection.ts';
import { type AnySharedProjection, homesOf, type Increments, Tally } from './shared-projection.ts';

/** The state of a stream during the fold. */
interface Stream {
  own: object | undefined;
  version: number;
  bytes: number;
  /** Commits that came before an earlier commit of the stream. */
  readonly early: Map<number, Commit>;
}

/** The views of a shared projection, folded in memory from the log, with the memory of each stream. */
export class SharedFold {
  readonly #projection: AnySharedProjection;
  readonly #catalogue: Catalogue;
  readonly #until: Date | undefined;
  readonly #homes: ReadonlySet<string>;
  readonly #streams = new Map<string, Stream>();
  readonly #tally = new Tally();
  #taken = 0;
  #bytes = 0;

  /** @param until only events that the store took up to this time: each stream ends before its first later event */
  constructor(projection: AnySharedProjection, catalogue: Catalogue, until?: Date) {
    this.#projection = projection;
    this.#catalogue = catalogue;
    this.#until = until;
    this.#homes = new Set(homesOf(projection, catalogue));
  }

  /** Bytes of memory of the fold, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next commit of the log. A commit may come twice, and commits of a stream may come out of order. */
  take(commit: Commit): void {
    if (!this.#homes.has(parseStreamId(commit.stream).aggregateType)) return;
    const stream = this.#streams.get(commit.stream) ?? { own: undefined, version: 0, bytes: 0, early: new Map() };
    this.#streams.set(commit.stream, stream);
    if (commit.version > stream.version) stream.early.set(commit.version, commit);
    for (let next = stream.early.get(stream.version + 1); next; next = stream.early.get(stream.version + 1)) {
      stream.early.delete(next.version);
      const isLater = this.#until && Date.parse(next.recordedAt) > this.#until.getTime();
      if (!isLater) stream.own = this.#evolve(stream.own, next);
      stream.version = isLater ? Number.POSITIVE_INFINITY : endOf(next);
    }
    if (isMeasured(commit, this.#taken++)) this.#measure(stream);
  }

  /** The counters of each view. */
  increments(): Increments {
    return this.#tally.increments();
  }

  #evolve(before: object | undefined, commit: Commit): object | undefined {
    const projection = this.#projection;
    const evolve = (own: object | undefined, event: DomainEvent) => {
      if (!projection.types.includes(event.type)) return own;
      const next = evolveView(projection, own, event);
      this.#tally.add(projection.count(event, own, next));
      return next;
    };
    const folded = { state: before, version: commit.version - 1 };
    return foldCommit({ evolve }, folded, commit, { catalogue: this.#catalogue }).state;
  }

  #measure(stream: Stream): void {
    const bytes = 512 + heapSizeOf(stream.own) + heapSizeOf(stream.early);
    this.#bytes += bytes - stream.bytes;
    stream.bytes = bytes;
  }
}
