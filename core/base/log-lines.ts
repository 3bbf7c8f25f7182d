type Details = Readonly<Record<string, unknown>>;

/** The log of the process: a line for each fault that no caller gets as an answer. */
export interface Logger {
  warn(message: string, details: Details): void;
  error(message: string, details: Details): void;
}

/** The stream of a dead letter. */
export interface ParkedStream {
  readonly projection: string;
  readonly generation: number;
  readonly stream: string;
}

/** The log lines that more than one host writes. Each has one wording, so that one search finds it on every host. */
export const logLines = (logger: Logger) => ({
  subscriberFailed(error: unknown, { id, type }: { readonly id: string; readonly type: string }): void {
    logger.error('a subscriber failed', { id, type, error });
  },
  /** @param error what the last delivery failed with */
  parkedByProjection(stream: ParkedStream, parked: object, error: unknown): void {
    logger.error('a projection parked a stream as a dead letter', { ...stream, parked, error });
  },
  parkedByBus(stream: string, parked: object): void {
    logger.error('the bus parked a stream as a dead letter', { stream, parked });
  },
  /** @param error what the sagas failed with */
  parkedBySagas(stream: string, parked: object, error: unknown): void {
    logger.error('the sagas parked a stream as a dead letter', { stream, parked, error });
  },
  budgetUncounted(budgetId: string, error: unknown): void {
    logger.error('a budget cannot be counted', { budgetId, error });
  },
  snapshotUnusable(fault: string, key: string, error: unknown): void {
    logger.warn('a snapshot cannot be used', { fault, key, error });
  },
  snapshotNotWritten(stream: string, error: unknown): void {
    logger.error('a snapshot was not written', { stream, error });
  },
  /** @param keys of objects that no commit needed */
  bodiesRemoved(keys: readonly string[]): void {
    if (keys.length > 0) logger.warn('removed event bodies without a commit', { keys });
  },
  /** @param keys of objects that no view needed */
  viewPartsRemoved(keys: readonly string[]): void {
    if (keys.length > 0) logger.warn('removed parts of views without a view', { keys });
  },
});
