import type { ExpectedVersion, SchemaVersion, StreamVersion } from './versions.ts';

/** The stable name of the fault; the HTTP API answers with the same code. */
export type ErrorCode =
  | 'VALIDATION_FAILED'
  | 'INVALID_ID'
  | 'STREAM_NOT_FOUND'
  | 'NOT_FOUND'
  | 'CONCURRENCY_CONFLICT'
  | 'COMMAND_REJECTED'
  | 'LEASE_LOST'
  | 'BUDGET_SPENT'
  | 'NOT_ADMITTED'
  | 'DELIVERY_LOST'
  | 'RESERVED_TYPE'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'EVENT_ID_TAKEN'
  | 'PAYLOAD_TOO_LARGE'
  | 'VIEW_BEHIND'
  | 'CORRUPT_DATA'
  | 'EVENT_VERSION'
  | 'UNAVAILABLE';

/** Base of every error that Annals throws on purpose. `message` is for the caller and says what to do. */
export abstract class AnnalsError extends Error {
  abstract readonly code: ErrorCode;
  /** The name of the class, said as a text: bundles for Lambda shorten the names of classes. */
  abstract override get name(): string;
}

/** A place in the input, and its fault. */
export interface Issue {
  /** Dotted path into the input, empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** The input breaks a rule of the schema. Nothing was written. */
export class ValidationError extends AnnalsError {
  override get name(): string {
    return 'ValidationError';
  }
  readonly code = 'VALIDATION_FAILED';
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[], options?: ErrorOptions) {
    super(issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; '), options);
    this.issues = issues;
  }
}

export class InvalidIdError extends AnnalsError {
  override get name(): string {
    return 'InvalidIdError';
  }
  readonly code = 'INVALID_ID';
}

export class NotFoundError extends AnnalsError {
  override get name(): string {
    return 'NotFoundError';
  }
  readonly code = 'NOT_FOUND';
}

export class StreamNotFoundError extends AnnalsError {
  override get name(): string {
    return 'StreamNotFoundError';
  }
  readonly code = 'STREAM_NOT_FOUND';
  constructor(stream: string) {
    super(`stream ${stream} has no events`);
  }
}

/** Another writer appended first. Load the stream, decide and append again. */
export class ConcurrencyError extends AnnalsError {
  override get name(): string {
    return 'ConcurrencyError';
  }
  readonly code = 'CONCURRENCY_CONFLICT';
  readonly stream: string;
  readonly expectedVersion: ExpectedVersion;
  readonly actualVersion: StreamVersion;
  constructor(stream: string, expectedVersion: ExpectedVersion, actualVersion: StreamVersion) {
    super(`stream ${stream} is at version ${actualVersion}, expected ${expectedVersion}`);
    this.stream = stream;
    this.expectedVersion = expectedVersion;
    this.actualVersion = actualVersion;
  }
}

/** A stream or a tag that is not at the version at which a transaction expects it. */
export type Conflict = ({ readonly streamId: string } | { readonly tag: string }) & {
  readonly expectedVersion: ExpectedVersion;
  readonly actualVersion: number;
};

/** Other writers moved what a transaction appends to or checks. Nothing was written; read, decide and send it again. */
export class TransactionConflictError extends ConcurrencyError {
  override get name(): string {
    return 'TransactionConflictError';
  }
  readonly conflicts: readonly Conflict[];
  /** Whether a repeat of the same transaction may succeed: the conflicts are only with appends at any version. */
  readonly isRace: boolean;
  constructor(first: Conflict, others: readonly Conflict[], isRace: boolean) {
    super('streamId' in first ? first.streamId : first.tag, first.expectedVersion, first.actualVersion);
    this.conflicts = [first, ...others];
    this.isRace = isRace;
    this.message = this.conflicts.map(describeConflict).join('; ');
  }
}

const describeConflict = (conflict: Conflict): string => {
  const name = 'streamId' in conflict ? `stream ${conflict.streamId}` : `tag ${conflict.tag}`;
  return `${name} is at version ${conflict.actualVersion}, expected ${conflict.expectedVersion}`;
};

/** The aggregate's state does not allow the command; the message is the broken rule. */
export class CommandRejectedError extends AnnalsError {
  override get name(): string {
    return 'CommandRejectedError';
  }
  readonly code = 'COMMAND_REJECTED';
}

/** The caller does not hold what it works on any longer, or never held it. Nothing was written; stop the work. */
export class LeaseLostError extends AnnalsError {
  override get name(): string {
    return 'LeaseLostError';
  }
  readonly code = 'LEASE_LOST';
}

/** A budget is spent; the message names it. It admits no claim until an operator raises it. */
export class BudgetSpentError extends AnnalsError {
  override get name(): string {
    return 'BudgetSpentError';
  }
  readonly code = 'BUDGET_SPENT';
}

/**
 * An event that no command could write in the state of its stream; the message is the broken rule. Nothing was written.
 */
export class NotAdmittedError extends AnnalsError {
  override get name(): string {
    return 'NotAdmittedError';
  }
  readonly code = 'NOT_ADMITTED';
}

/** A raw append of an internal event type. Nothing was written. */
export class ReservedTypeError extends AnnalsError {
  override get name(): string {
    return 'ReservedTypeError';
  }
  readonly code = 'RESERVED_TYPE';
  constructor(type: string) {
    super(`only Annals writes events of type ${type}; send a command instead, if one exists`);
  }
}

/** The idempotency key belongs to another request. Nothing was written; send the request with a new key. */
export class IdempotencyKeyReusedError extends AnnalsError {
  override get name(): string {
    return 'IdempotencyKeyReusedError';
  }
  readonly code = 'IDEMPOTENCY_KEY_REUSED';
  constructor() {
    super('the Idempotency-Key was used for another request; a key stands for one method, path and body');
  }
}

/** Events of the stream have these ids already. Nothing was written. */
export class EventIdTakenError extends AnnalsError {
  override get name(): string {
    return 'EventIdTakenError';
  }
  readonly code = 'EVENT_ID_TAKEN';
  /** The sequence number of each event whose id is taken. */
  readonly taken: ReadonlyMap<string, number>;
  constructor(stream: string, taken: ReadonlyMap<string, number>) {
    const places = [...taken].slice(0, 5).map(([id, number]) => `${id} at sequence number ${number}`);
    super(`stream ${stream} has ${places.join(', ')}${taken.size > 5 ? ` and ${taken.size - 5} more` : ''} already`);
    this.taken = taken;
  }
}

/** Deliveries that are over: their events were delivered again, or are done. Nothing was written. */
export class DeliveryLostError extends AnnalsError {
  override get name(): string {
    return 'DeliveryLostError';
  }
  readonly code = 'DELIVERY_LOST';
  constructor() {
    super('these deliveries are over: their events are done, or were delivered again; take new ones');
  }
}

/** A commit over the limits of the store. */
export class PayloadTooLargeError extends AnnalsError {
  override get name(): string {
    return 'PayloadTooLargeError';
  }
  readonly code = 'PAYLOAD_TOO_LARGE';
}

/** The view did not reach the version in time; ask again. */
export class ViewBehindError extends AnnalsError {
  override get name(): string {
    return 'ViewBehindError';
  }
  readonly code = 'VIEW_BEHIND';
}

/** Unreadable stored bytes. The message names the stream and the place. */
export class CorruptDataError extends AnnalsError {
  override get name(): string {
    return 'CorruptDataError';
  }
  readonly code = 'CORRUPT_DATA';
  /** In the log: the position after the unreadable event, to continue without it. */
  readonly next: string | undefined;
  constructor(message: string, { next, ...options }: ErrorOptions & { readonly next?: string } = {}) {
    super(message, options);
    this.next = next;
  }
}

/**
 * A place after the end of the log. A caller that asks for it has a position of another log, or of a log that was
 * longer; a reader that was there itself met a loss.
 */
export class AfterLogError extends CorruptDataError {
  override get name(): string {
    return 'AfterLogError';
  }
}

/** Stored forks form a circle, or have too many parents: the history of the stream has no beginning. */
export class LineageError extends CorruptDataError {
  override get name(): string {
    return 'LineageError';
  }
}

/**
 * The log ends in events that the store lacks: the events were restored to an earlier moment than the log. Such a log
 * is neither read nor written.
 */
export class LostHistoryError extends CorruptDataError {
  override get name(): string {
    return 'LostHistoryError';
  }
  constructor(partition: string, stream: string, version: number) {
    super(
      `the log's partition ${partition} ends in event ${version} of stream ${stream}, which the store does not have: the events were restored to an earlier moment than the log; restore the log to that moment, too`,
    );
  }
}

/**
 * A stored event of a version that this code does not know, or an upcaster that fails. The stored event is unchanged;
 * newer code reads it.
 */
export class EventVersionError extends AnnalsError {
  override get name(): string {
    return 'EventVersionError';
  }
  readonly code = 'EVENT_VERSION';
  readonly stream: string;
  readonly sequenceNumber: StreamVersion;
  readonly type: string;
  readonly version: SchemaVersion;
  constructor(
    event: {
      readonly stream: string;
      readonly sequenceNumber: StreamVersion;
      readonly type: string;
      readonly version: SchemaVersion;
    },
    options: ErrorOptions,
  ) {
    const { stream, sequenceNumber, type, version } = event;
    super(
      `event ${sequenceNumber} of stream ${stream}, ${type} of version ${version}, cannot be read by this version of Annals: a newer version wrote it, or its upcaster fails`,
      options,
    );
    this.stream = stream;
    this.sequenceNumber = sequenceNumber;
    this.type = type;
    this.version = version;
  }
}

/** The store is unreachable, or did not answer. The result of a write is unknown: repeat it with the same commit id. */
export class UnavailableError extends AnnalsError {
  override get name(): string {
    return 'UnavailableError';
  }
  readonly code = 'UNAVAILABLE';
}
