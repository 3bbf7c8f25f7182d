import { untilSettled } from '../base/races.ts';
import type { Failure, Parked } from '../projections/parked.ts';
import { type Attempt, attemptOf, isParked, parkedAt } from '../projections/parked.ts';
import type { StoredView } from '../projections/projection.ts';
import type { ViewStore } from '../projections/view-store.ts';

/** The name of the bus among the projections of dead letters. No projection has this name. */
export const BUS = 'bus';
/** The name of the sagas there, on one machine. */
export const SAGAS = 'sagas';
/** The generation of the marks of bus and sagas, which are never rebuilt. */
export const ONLY_GENERATION = 1;

/** Parked streams that are read at once. */
const PAGE = 100;

/**
 * Streams with an event that the bus or the sagas could not take. They are marked as in a projection: a checkpoint
 * without a view, at the last event before the failing event. Streams that never failed have no mark.
 */
export class ParkedStreams {
  readonly #views: ViewStore;
  readonly #consumer: string;

  constructor(views: ViewStore, consumer: typeof BUS | typeof SAGAS) {
    this.#views = views;
    this.#consumer = consumer;
  }

  /** The parked streams, each with the number from which its events are not taken. */
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

  /** The mark of a stream; a checkpoint at version 0 without a mark when there is none. */
  async read(stream: string): Promise<StoredView> {
    const place = { projection: this.#consumer, generation: ONLY_GENERATION, key: stream };
    const none = { ...place, version: 0, group: '', view: undefined };
    return (await this.#views.get(this.#consumer, ONLY_GENERATION, stream)) ?? none;
  }

  /** Parks a stream at an event. A stream that is parked at an earlier event stays there. @returns the mark */
  park(stream: string, failure: Failure, attempts: readonly Attempt[] = [tried(failure)]): Promise<Parked> {
    return untilSettled(async () => {
      const stored = await this.read(stream);
      if (isParked(stored) && stored.parked.version <= failure.version) return stored.parked;
      const parked = parkedAt(failure, attempts, stored.parked);
      return (await this.write(stored, failure.version - 1, parked)) && parked;
    });
  }

  /** After a redrive: moves the mark to the new failure, or removes it. @returns the mark */
  settle(stream: string, to: number, failure?: Failure): Promise<{ readonly parked?: Parked | undefined }> {
    return untilSettled(async () => {
      const stored = await this.read(stream);
      const parked = failure && parkedAt(failure, [tried(failure)], stored.parked);
      return (await this.write(stored, to, parked)) && { parked };
    });
  }

  /** Moves the mark of a stream, or removes it. @returns false when the mark has changed since it was read */
  write(stored: StoredView, version: number, parked?: Parked): Promise<boolean> {
    const { parked: mark, ...place } = stored;
    return this.#views.put({ ...place, version, ...(parked ? { parked } : {}) }, stored.version, mark);
  }
}

const tried = ({ error }: Failure): Attempt => attemptOf(error, new Date());
