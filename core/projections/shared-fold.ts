import { heapSizeOf } from '../base/heap-size.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { foldCommit } from '../state/fold.ts';
import { type Commit, endOf } from '../store/commit.ts';
import { evolveView } from './projection.ts';
import { type AnySharedProjection, homesOf, type Increments, Tally } from './shared-projection.ts';

/** One stream in so many is measured. */
const MEASURED_EVERY = 64;

/** What is known of a stream while the history is read. */
interface Stream {
  own: object | undefined;
  version: number;
  /** Commits that came before one that they follow. */
  readonly early: Map<number, Commit>;
}

/** The views of a shared projection, folded in memory from a history: what is known of each stream stays there. */
export class SharedFold {
  readonly #projection: AnySharedProjection;
  readonly #catalogue: Catalogue;
  readonly #until: Date | undefined;
  readonly #homes: ReadonlySet<string>;
  readonly #streams = new Map<string, Stream>();
  readonly #tally = new Tally();
  #taken = 0;
  #bytesPerStream = 0;

  /** @param until only events that the store took up to then: of each stream the start, up to the first that is later */
  constructor(projection: AnySharedProjection, catalogue: Catalogue, until?: Date) {
    this.#projection = projection;
    this.#catalogue = catalogue;
    this.#until = until;
    this.#homes = new Set(homesOf(projection, catalogue));
  }

  /** About how much memory the fold takes: one stream in 64 is measured. */
  get bytes(): number {
    return this.#streams.size * this.#bytesPerStream;
  }

  /** Takes the next commit of the history; some may come twice, and those of a stream out of order. */
  take(commit: Commit): void {
    if (!this.#homes.has(parseStreamId(commit.stream).aggregateType)) return;
    const stream = this.#streams.get(commit.stream) ?? { own: undefined, version: 0, early: new Map() };
    this.#streams.set(commit.stream, stream);
    if (commit.version > stream.version) stream.early.set(commit.version, commit);
    for (let next = stream.early.get(stream.version + 1); next; next = stream.early.get(stream.version + 1)) {
      stream.early.delete(next.version);
      const isLater = this.#until && Date.parse(next.recordedAt) > this.#until.getTime();
      if (!isLater) stream.own = this.#evolve(stream.own, next);
      stream.version = isLater ? Number.POSITIVE_INFINITY : endOf(next);
    }
    if (this.#taken++ % MEASURED_EVERY === 0) this.#measure(stream);
  }

  /** What each view has counted. */
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

  /** A mean that follows the streams as they grow. */
  #measure(stream: Stream): void {
    const size = 512 + heapSizeOf(stream.own) + heapSizeOf(stream.early);
    this.#bytesPerStream = this.#bytesPerStream === 0 ? size : this.#bytesPerStream + (size - this.#bytesPerStream) / 8;
  }
}
