import { untilSettled } from '../base/races.ts';
import type { Failure, Parked } from '../projections/parked.ts';
import { type Attempt, attemptOf, isParked, parkedAt } from '../projections/parked.ts';
import type { StoredView } from '../projections/projection.ts';
import type { ViewStore } from '../projections/view-store.ts';

/** What the dead letters of the bus are listed under, beside those of projections. No projection has this name. */
export const BUS = 'bus';
/** What those of the sagas are listed under, on one machine. */
export const SAGAS = 'sagas';
/** Bus and sagas are never built anew. */
export const ONLY_GENERATION = 1;

/** How many parked streams are read at once. */
const PAGE = 100;

/**
 * Streams with an event that the bus or the sagas could not take, marked as a projection marks those that it cannot apply: a
 * checkpoint without a view, at the last event before the one that fails. Streams that never failed have none.
 */
export class ParkedStreams {
  readonly #views: ViewStore;
  readonly #consumer: string;

  constructor(views: ViewStore, consumer: typeof BUS | typeof SAGAS) {
    this.#views = views;
    this.#consumer = consumer;
  }

  /** The streams of which events are not to be taken now, and from which number on. */
  async streams(): Promise<ReadonlyMap<string, number>> {
    const streams = new Map<string, number>();
    let after: string | undefined;
    do {
      const page = await this.#views.listParked(this.#consumer, ONLY_GENERATION, { limit: PAGE, after });
      for (const { key, parked } of page.views) if (!parked.redriving) streams.set(key, parked.version);
      after = page.next;
    } while (after !== undefined);
    return streams;
  }

  async read(stream: string): Promise<StoredView> {
    const place = { projection: this.#consumer, generation: ONLY_GENERATION, key: stream };
    const none = { ...place, version: 0, group: '', view: undefined };
    return (await this.#views.get(this.#consumer, ONLY_GENERATION, stream)) ?? none;
  }

  /** Parks a stream at an event; one that is parked before it stays there. @returns the mark that it has */
  park(stream: string, failure: Failure, attempts: readonly Attempt[] = [tried(failure)]): Promise<Parked> {
    return untilSettled(async () => {
      const stored = await this.read(stream);
      if (isParked(stored) && stored.parked.version <= failure.version) return stored.parked;
      const parked = parkedAt(failure, attempts, stored.parked);
      return (await this.write(stored, failure.version - 1, parked)) && parked;
    });
  }

  /** After a redrive: moves the mark to where it failed again, or takes it off. @returns the mark that it has then */
  settle(stream: string, to: number, failure?: Failure): Promise<{ readonly parked?: Parked | undefined }> {
    return untilSettled(async () => {
      const stored = await this.read(stream);
      const parked = failure && parkedAt(failure, [tried(failure)], stored.parked);
      return (await this.write(stored, to, parked)) && { parked };
    });
  }

  /** Moves the mark of a stream, or takes it off. @returns false when it is not as it was read any more */
  write(stored: StoredView, version: number, parked?: Parked): Promise<boolean> {
    const { parked: mark, ...place } = stored;
    return this.#views.put({ ...place, version, ...(parked ? { parked } : {}) }, stored.version, mark);
  }
}

const tried = ({ error }: Failure): Attempt => attemptOf(error, new Date());
