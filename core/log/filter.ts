import { parseStreamId } from '../base/stream-id.ts';
import type { Catalogue, DomainEvent } from '../events/catalogue.ts';
import { firstMoment, isoOf, lastMoment } from '../events/instant.ts';
import { type Commit, decodeCommit } from '../store/commit.ts';
import type { LogPage } from './page.ts';

/** Which events of the log are wanted; all of it optional. */
export interface LogFilter {
  readonly types?: readonly string[] | undefined;
  readonly aggregateType?: string | undefined;
  readonly aggregateId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Recorded at or after this instant, ISO 8601. */
  readonly from?: string | undefined;
  /** Recorded at or before this instant, ISO 8601. */
  readonly to?: string | undefined;
}

/** A filter made ready: its range rounded inwards to the milliseconds that are kept. */
export class Selection {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly aggregateType: string | undefined;
  readonly #catalogue: Catalogue;
  readonly #aggregateId: string | undefined;
  readonly #correlationId: string | undefined;
  readonly #types: ReadonlySet<string> | undefined;
  /** The same types under every name that they were ever stored by: what pages and commits say of themselves. */
  readonly #storedTypes: ReadonlySet<string> | undefined;
  readonly #first: number;
  readonly #last: number;

  constructor({ types, aggregateType, aggregateId, correlationId, from, to }: LogFilter, catalogue: Catalogue) {
    this.#catalogue = catalogue;
    this.#aggregateId = aggregateId;
    this.#correlationId = correlationId;
    this.#first = from === undefined ? Number.NEGATIVE_INFINITY : firstMoment(from);
    this.#last = to === undefined ? Number.POSITIVE_INFINITY : lastMoment(to);
    this.from = from === undefined ? undefined : isoOf(this.#first);
    this.to = to === undefined ? undefined : isoOf(this.#last);
    this.aggregateType = aggregateType;
    this.#types = types && new Set(types);
    this.#storedTypes = types && catalogue.retired.storedTypesOf(types);
  }

  /** Whether a page may hold something wanted, by what it says of itself: most pages need not be decompressed. */
  wantsPage({ types, firstRecordedAt, through }: LogPage): boolean {
    return this.#mayHaveType(types) && !this.#isAfter(firstRecordedAt) && !this.#isBefore(through);
  }

  wants({ stream, types, recordedAt }: Commit): boolean {
    if (!this.#mayHaveType(types) || this.#isAfter(recordedAt) || this.#isBefore(recordedAt)) return false;
    const named = parseStreamId(stream);
    if (this.#aggregateId !== undefined && named.aggregateId !== this.#aggregateId) return false;
    return this.aggregateType === undefined || named.aggregateType === this.aggregateType;
  }

  /** All events of a commit, wanted or not, as their types are today. @throws as {@link decodeCommit} */
  decode(commit: Commit): readonly DomainEvent[] {
    return decodeCommit(commit, this.#catalogue);
  }

  /** For an event of a commit that is wanted. */
  wantsEvent({ type, correlationId }: DomainEvent): boolean {
    if (this.#correlationId !== undefined && correlationId !== this.#correlationId) return false;
    return this.#types?.has(type) ?? true;
  }

  #mayHaveType(types: readonly string[]): boolean {
    const stored = this.#storedTypes;
    return stored === undefined || types.length === 0 || types.some((type) => stored.has(type));
  }

  #isBefore(recordedAt: string): boolean {
    return Date.parse(recordedAt) < this.#first;
  }

  #isAfter(recordedAt: string): boolean {
    return Date.parse(recordedAt) > this.#last;
  }
}
