import { ConcurrencyError, UnavailableError } from '../../base/errors.ts';
import type { DomainEvent } from '../../events/catalogue.ts';
import { type Commit, endOf } from '../../store/commit.ts';

/** The place in a stream that sagas cannot get over, and why. */
export interface SagaFailure {
  readonly version: number;
  /** Absent when the event cannot even be read. */
  readonly event?: DomainEvent | undefined;
  readonly error: unknown;
}

/** The port to the marks of streams that wait as dead letters of the sagas. */
export interface SagaMarks {
  /** The streams, each with the sequence number of the event that it waits at. */
  streams(): Promise<ReadonlyMap<string, number>>;
  /** Parks a stream at an event. */
  park(stream: string, failure: SagaFailure): Promise<unknown>;
  /** After a redrive: moves the mark to where it failed again, or takes it off. */
  settle(stream: string, to: number, failure?: SagaFailure): Promise<unknown>;
}

/** Whether an error is of the moment: an outage or a race, and no fault of the event. */
export const isPassing = (error: unknown) => error instanceof UnavailableError || error instanceof ConcurrencyError;

/** The streams of which sagas take no events, because they cannot get over one. In memory as long as the process lives. */
export class SagaDeadLetters {
  readonly #marks: SagaMarks;
  #streams: Map<string, number> | undefined;

  constructor(marks: SagaMarks) {
    this.#marks = marks;
  }

  /** How many there are; 0 before {@link load}. */
  get count(): number {
    return this.#streams?.size ?? 0;
  }

  /** Reads the marks, once. @throws UnavailableError */
  async load(): Promise<void> {
    this.#streams ??= new Map(await this.#marks.streams());
  }

  /** Whether a commit waits behind an event that sagas cannot get over. */
  hold(commit: Commit): boolean {
    return endOf(commit) >= this.since(commit.stream, Number.POSITIVE_INFINITY);
  }

  /** The sequence number of the event that a stream waits at. */
  since(stream: string, otherwise: number): number {
    return this.#streams?.get(stream) ?? otherwise;
  }

  /** Parks the stream of a commit. @throws the error when it is a passing one, UnavailableError */
  async park({ stream, version }: Commit, error: unknown, event?: DomainEvent): Promise<void> {
    if (isPassing(error)) throw error;
    const place = event?.sequenceNumber ?? version;
    if (this.since(stream, Number.POSITIVE_INFINITY) <= place) return;
    await this.#marks.park(stream, { version: place, event, error }); // first: a crash must not lose the commit
    this.#streams?.set(stream, Math.min(place, this.since(stream, place)));
  }

  /** Takes note of a redrive. @throws UnavailableError */
  async settle(stream: string, to: number, failure?: SagaFailure): Promise<void> {
    await this.#marks.settle(stream, to, failure);
    if (failure) this.#streams?.set(stream, failure.version);
    else this.#streams?.delete(stream);
  }
}
