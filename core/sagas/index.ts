/** What has to be found of a saga that has not ended. */
export interface SagaEntry {
  readonly sagaId: string;
  /** When it has to be woken, ISO 8601. */
  readonly wakeAt: string | undefined;
  /** Streams whose end it has to hear of. */
  readonly parties: readonly string[];
}

/**
 * The port to where a host looks up which sagas to wake. It is made from their histories, and made anew when it is lost.
 * Every call throws UnavailableError when the storage cannot be reached.
 */
export interface SagaIndex {
  /** Replaces what is known of a saga. */
  save(entry: SagaEntry): Promise<void>;
  /** Wakes a saga, if it is there, at another time than was said. */
  postpone(sagaId: string, wakeAt: string): Promise<void>;
  /** Forgets a saga that has ended. */
  remove(sagaId: string): Promise<void>;
  /** The sagas to be woken by now, the longest overdue first. */
  due(now: string, limit: number): Promise<readonly string[]>;
  /** When the next one is to be woken. */
  nextWake(): Promise<string | undefined>;
  /** The sagas that have to hear of a stream's end. */
  byParty(stream: string): Promise<readonly string[]>;
}
