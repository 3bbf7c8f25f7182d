/** The index entry of a running saga. */
export interface SagaEntry {
  readonly sagaId: string;
  /** The time to wake the saga, ISO 8601. */
  readonly wakeAt: string | undefined;
  /** Streams whose end concerns the saga. */
  readonly parties: readonly string[];
}

/**
 * The port to the index of sagas to wake. It derives from the histories, and can be rebuilt. Every call throws
 * UnavailableError when the storage cannot be reached.
 */
export interface SagaIndex {
  /** Replaces the entry of a saga. */
  save(entry: SagaEntry): Promise<void>;
  /** Changes the wake time of a saga, if it has an entry. */
  postpone(sagaId: string, wakeAt: string): Promise<void>;
  /** Forgets a saga that has ended. */
  remove(sagaId: string): Promise<void>;
  /** The due sagas, the longest overdue first. */
  due(now: string, limit: number): Promise<readonly string[]>;
  /** The next wake time. */
  nextWake(): Promise<string | undefined>;
  /** The sagas that the end of a stream concerns. */
  byParty(stream: string): Promise<readonly string[]>;
}
