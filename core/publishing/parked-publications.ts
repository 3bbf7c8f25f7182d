import { untilSettled } from '../base/races.ts';
import type { Failure, Parked } from '../projections/parked.ts';
import { type Attempt, isParked, parkedAt } from '../projections/parked.ts';
import type { StoredView } from '../projections/projection.ts';
import type { ViewStore } from '../projections/view-store.ts';

/** What the dead letters of the bus are listed under, beside those of projections. No projection has this name. */
export const BUS = 'bus';
/** The bus is never built anew. */
export const BUS_GENERATION = 1;

/** How many parked streams are read at once. */
const PAGE = 100;

/**
 * Streams with an event that could not be published, marked as a projection marks those that it cannot apply: a checkpoint
 * without a view, at the last event before the one that fails. Streams that never failed have none.
 */
export class ParkedPublications {
  readonly #views: ViewStore;

  constructor(views: ViewStore) {
    this.#views = views;
  }

  /** The streams of which events are not to be published now, and from which number on. */
  async streams(): Promise<ReadonlyMap<string, number>> {
    const streams = new Map<string, number>();
    let after: string | undefined;
    do {
      const page = await this.#views.listParked(BUS, BUS_GENERATION, { limit: PAGE, after });
      for (const { key, parked } of page.views) if (!parked.redriving) streams.set(key, parked.version);
      after = page.next;
    } while (after !== undefined);
    return streams;
  }

  async read(stream: string): Promise<StoredView> {
    const none = { projection: BUS, generation: BUS_GENERATION, key: stream, version: 0, group: '', view: undefined };
    return (await this.#views.get(BUS, BUS_GENERATION, stream)) ?? none;
  }

  /** Parks a stream at an event; one that is parked before it stays there. @returns the mark that it has */
  park(stream: string, failure: Failure, attempts: readonly Attempt[]): Promise<Parked> {
    return untilSettled(async () => {
      const stored = await this.read(stream);
      if (isParked(stored) && stored.parked.version <= failure.version) return stored.parked;
      const parked = parkedAt(failure, attempts, stored.parked);
      return (await this.write(stored, failure.version - 1, parked)) && parked;
    });
  }

  /** Moves the mark of a stream, or takes it off. @returns false when it is not as it was read any more */
  write(stored: StoredView, version: number, parked?: Parked): Promise<boolean> {
    const { parked: mark, ...place } = stored;
    return this.#views.put({ ...place, version, ...(parked ? { parked } : {}) }, stored.version, mark);
  }
}
