import { heapSizeOf } from '../base/heap-size.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import type { PastMoment } from '../events/clock.ts';
import { foldCommit } from '../state/fold.ts';
import { EVER, type Happened, happenedBy } from '../state/happened.ts';
import { type Commit, endOf } from '../store/commit.ts';
import { isMeasured } from './point-in-time.ts';
import { evolveView, isFedFrom } from './projection.ts';
import { type AnySharedProjection, type Increments, Tally } from './shared-projection.ts';

/** The state of a stream during the fold. */
interface Stream {
  own: Happened<object | undefined>;
  version: number;
  bytes: number;
  /** Commits that came before an earlier commit of the stream. */
  readonly early: Map<number, Commit>;
}

/** The views of a shared projection, folded in memory from the log, with the memory of each stream. */
export class SharedFold {
  readonly #projection: AnySharedProjection;
  readonly #catalogue: Catalogue;
  readonly #recordedBy: Date | undefined;
  readonly #evolve: ReturnType<typeof happenedBy<object | undefined>>;
  readonly #isHome: (aggregateType: string) => boolean;
  readonly #streams = new Map<string, Stream>();
  readonly #tally = new Tally();
  #taken = 0;
  #bytes = 0;

  /** @param until only events up to this moment; by `recorded`, each stream ends before its first later event */
  constructor(projection: AnySharedProjection, catalogue: Catalogue, until?: PastMoment) {
    this.#projection = projection;
    this.#catalogue = catalogue;
    this.#recordedBy = until?.clock === 'recorded' ? until.at : undefined;
    const evolve = (own: object | undefined, event: DomainEvent) => this.#count(own, event);
    this.#evolve = happenedBy<object | undefined>(evolve, until?.clock === 'happened' ? until.at : EVER);
    this.#isHome = (aggregateType) => isFedFrom(projection, aggregateType, catalogue);
  }

  /** Bytes of memory of the fold, approximately. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next commit of the log. A commit may come twice, and commits of a stream may come out of order. */
  take(commit: Commit): void {
    if (!this.#isHome(parseStreamId(commit.stream).aggregateType)) return;
    const stream = this.#streams.get(commit.stream) ?? newStream();
    this.#streams.set(commit.stream, stream);
    if (commit.version > stream.version) stream.early.set(commit.version, commit);
    for (let next = stream.early.get(stream.version + 1); next; next = stream.early.get(stream.version + 1)) {
      stream.early.delete(next.version);
      const isLater = this.#recordedBy && Date.parse(next.recordedAt) > this.#recordedBy.getTime();
      if (!isLater) stream.own = this.#fold(stream.own, next);
      stream.version = isLater ? Number.POSITIVE_INFINITY : endOf(next);
    }
    if (isMeasured(commit, this.#taken++)) this.#measure(stream);
  }

  /** The counters of each view. */
  increments(): Increments {
    return this.#tally.increments();
  }

  #fold(before: Stream['own'], commit: Commit): Stream['own'] {
    const folded = { state: before, version: commit.version - 1 };
    return foldCommit({ evolve: this.#evolve }, folded, commit, { catalogue: this.#catalogue }).state;
  }

  #count(own: object | undefined, event: DomainEvent): object | undefined {
    const projection = this.#projection;
    if (!projection.types.includes(event.type)) return own;
    const next = evolveView(projection, own, event);
    this.#tally.add(projection.count(event, own, next));
    return next;
  }

  #measure(stream: Stream): void {
    const bytes = 512 + heapSizeOf(stream.own) + heapSizeOf(stream.early);
    this.#bytes += bytes - stream.bytes;
    stream.bytes = bytes;
  }
}

const newStream = (): Stream => ({ own: { state: undefined, version: 0 }, version: 0, bytes: 0, early: new Map() });
