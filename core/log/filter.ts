import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import type { Clock } from '../events/clock.ts';
import { firstMoment, isoOf, lastMoment } from '../events/instant.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { LogPage } from './page.ts';

/** A selection of the log's events. Every member is optional. */
export interface LogFilter {
  readonly types?: readonly string[] | undefined;
  readonly aggregateType?: string | undefined;
  readonly aggregateId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** At or after this instant, ISO 8601. */
  readonly from?: string | undefined;
  /** At or before this instant, ISO 8601. */
  readonly to?: string | undefined;
  /**
   * The time of events that `from` and `to` mean: `recorded` by default. With `happened` every page is read, because
   * pages have no such time.
   */
  readonly clock?: Clock | undefined;
}

/** The end of a range after which no wanted event is recorded; undefined when such an event may always come. */
export const lastRecorded = ({ to, clock }: LogFilter): string | undefined => (clock === 'happened' ? undefined : to);

/** A prepared filter. Its range is rounded inwards to the stored milliseconds. */
export class Selection {
  /** The start of the recorded times. */
  readonly from: string | undefined;
  /** The end of the recorded times. */
  readonly to: string | undefined;
  readonly aggregateType: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #aggregateId: string | undefined;
  readonly #correlationId: string | undefined;
  readonly #types: ReadonlySet<string> | undefined;
  /** The types under all their stored names. Pages and commits list stored names. */
  readonly #storedTypes: ReadonlySet<string> | undefined;
  readonly #first: number;
  readonly #last: number;
  readonly #clock: Clock;

  constructor(
    { types, aggregateType, aggregateId, correlationId, from, to, clock = 'recorded' }: LogFilter,
    catalogue: Catalogue,
  ) {
    this.#catalogue = catalogue;
    this.#aggregateId = aggregateId;
    this.#correlationId = correlationId;
    this.#first = from === undefined ? Number.NEGATIVE_INFINITY : firstMoment(from);
    this.#last = to === undefined ? Number.POSITIVE_INFINITY : lastMoment(to);
    this.#clock = clock;
    this.from = from === undefined || clock === 'happened' ? undefined : isoOf(this.#first);
    this.to = lastRecorded({ to, clock }) === undefined ? undefined : isoOf(this.#last);
    this.aggregateType = aggregateType;
    this.#types = types && new Set(types);
    this.#storedTypes = types && catalogue.retired.storedTypesOf(types);
  }

  /** Whether a page may hold a wanted event, by its header. So most pages need no decompression. */
  wantsPage({ types, firstRecordedAt, through }: LogPage): boolean {
    if (!this.#mayHaveType(types)) return false;
    return this.#clock === 'happened' || (!this.#isAfter(firstRecordedAt) && !this.#isBefore(through));
  }

  /** Whether a commit may hold a wanted event, by its header. */
  wants({ stream, types, recordedAt }: Commit): boolean {
    if (!this.#mayHaveType(types)) return false;
    if (this.#clock === 'recorded' && !this.#isWithin(recordedAt)) return false;
    const named = parseStreamId(stream);
    if (this.#aggregateId !== undefined && named.aggregateId !== this.#aggregateId) return false;
    return this.aggregateType === undefined || named.aggregateType === this.aggregateType;
  }

  /** All events of a commit, wanted or not, in their current versions. @throws the errors of {@link decodeCommit} */
  decode(commit: Commit): readonly DomainEvent[] {
    return decodeCommit(commit, this.#catalogue);
  }

  /** Whether an event is wanted. Only for events of commits that {@link wants} accepts. */
  wantsEvent({ type, correlationId, timestamp }: DomainEvent): boolean {
    if (this.#clock === 'happened' && !this.#isWithin(timestamp)) return false;
    if (this.#correlationId !== undefined && correlationId !== this.#correlationId) return false;
    return this.#types?.has(type) ?? true;
  }

  #mayHaveType(types: readonly string[]): boolean {
    const stored = this.#storedTypes;
    return stored === undefined || types.length === 0 || types.some((type) => stored.has(type));
  }

  #isWithin(time: string): boolean {
    return !this.#isAfter(time) && !this.#isBefore(time);
  }

  #isBefore(time: string): boolean {
    return Date.parse(time) < this.#first;
  }

  #isAfter(time: string): boolean {
    return Date.parse(time) > this.#last;
  }
}
