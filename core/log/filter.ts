import type { DomainEvent } from '../../events/catalogue.ts';
import { parseStreamId } from '../base/stream-id.ts';
import type { Commit } from '../store/commit.ts';
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

/** A filter made ready: instants in the form in which commits have theirs, so that they compare as strings. */
export class Selection {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly aggregateType: string | undefined;
  readonly #aggregateId: string | undefined;
  readonly #correlationId: string | undefined;
  readonly #types: ReadonlySet<string> | undefined;

  constructor({ types, aggregateType, aggregateId, correlationId, from, to }: LogFilter) {
    this.#aggregateId = aggregateId;
    this.#correlationId = correlationId;
    this.from = instantOf(from);
    this.to = instantOf(to);
    this.aggregateType = aggregateType;
    this.#types = types && new Set(types);
  }

  /** Whether a page may hold something wanted, by what it says of itself: most pages need not be decompressed. */
  wantsPage({ types, firstRecordedAt, through }: LogPage): boolean {
    return this.#hasType(types) && !this.#isAfter(firstRecordedAt) && !this.#isBefore(through);
  }

  wants({ stream, types, recordedAt }: Commit): boolean {
    if (!this.#hasType(types) || this.#isAfter(recordedAt) || this.#isBefore(recordedAt)) return false;
    const named = parseStreamId(stream);
    if (this.#aggregateId !== undefined && named.aggregateId !== this.#aggregateId) return false;
    return this.aggregateType === undefined || named.aggregateType === this.aggregateType;
  }

  /** For an event of a commit that is wanted. */
  wantsEvent({ type, correlationId }: DomainEvent): boolean {
    if (this.#correlationId !== undefined && correlationId !== this.#correlationId) return false;
    return this.#types?.has(type) ?? true;
  }

  #hasType(types: readonly string[]): boolean {
    return this.#types === undefined || types.length === 0 || types.some((type) => this.#types?.has(type));
  }

  #isBefore(recordedAt: string): boolean {
    return this.from !== undefined && recordedAt < this.from;
  }

  #isAfter(recordedAt: string): boolean {
    return this.to !== undefined && recordedAt > this.to;
  }
}

const instantOf = (text: string | undefined) => (text === undefined ? undefined : new Date(text).toISOString());
