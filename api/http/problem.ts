import * as z from 'zod';
import {
  AnnalsError,
  ConcurrencyError,
  CorruptDataError,
  type ErrorCode,
  TransactionConflictError,
  ValidationError,
} from '../../core/base/errors.ts';

/** The faults of a request that no route has seen. */
type RequestErrorCode = 'MALFORMED_JSON' | 'FORBIDDEN' | 'UNSUPPORTED_MEDIA_TYPE' | 'METHOD_NOT_ALLOWED';

/** Every code that a problem may have. */
export type ProblemCode = ErrorCode | RequestErrorCode | 'INTERNAL';

/** A refused request. The caller sees `message`. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: RequestErrorCode;
  constructor(code: RequestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Status and title of each code. */
export const problemKinds = {
  MALFORMED_JSON: { status: 400, title: 'The body is not acceptable JSON' },
  INVALID_ID: { status: 400, title: 'An id has a wrong form' },
  FORBIDDEN: { status: 403, title: 'The caller may not do this' },
  RESERVED_TYPE: { status: 403, title: 'Only Annals writes events of this type' },
  STREAM_NOT_FOUND: { status: 404, title: 'There is no such stream' },
  NOT_FOUND: { status: 404, title: 'There is nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  CONCURRENCY_CONFLICT: { status: 409, title: 'The stream is not at the expected version' },
  EVENT_ID_TAKEN: { status: 409, title: 'The stream has an event of this id' },
  NOT_ADMITTED: { status: 409, title: 'The aggregate does not admit the event' },
  COMMAND_REJECTED: { status: 409, title: 'The state does not allow the command' },
  LEASE_LOST: { status: 409, title: 'The caller does not hold the work' },
  BUDGET_SPENT: { status: 409, title: 'A budget is spent' },
  DELIVERY_LOST: { status: 409, title: 'The delivery is over' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The request is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The media type of the body is not supported' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  VALIDATION_FAILED: { status: 422, title: 'The request breaks a rule of its schema' },
  INTERNAL: { status: 500, title: 'Something went wrong' },
  EVENT_VERSION: { status: 500, title: 'A stored event has a version that this release cannot read' },
  CORRUPT_DATA: { status: 500, title: 'Stored data cannot be read' },
  UNAVAILABLE: { status: 503, title: 'The storage cannot be reached' },
  VIEW_BEHIND: { status: 504, title: 'The view is not up to date yet' },
} as const satisfies Record<ProblemCode, { status: number; title: string }>;

/** The body of every error answer: RFC 9457 problem details, with a stable `code`. */
export const problemSchema = z
  .strictObject({
    type: z.string().describe('URI of the kind of problem'),
    title: z.string().describe('The kind of problem in words; the same for every problem of its code'),
    status: z.int().min(400).max(599),
    detail: z.string().describe('The fault of this request'),
    code: z.enum(Object.keys(problemKinds) as [ProblemCode, ...ProblemCode[]]),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    expectedVersion: z.union([z.int(), z.enum(['any', 'exists'])]).optional(),
    actualVersion: z.int().optional(),
    conflicts: z
      .array(
        z.strictObject({
          streamId: z.string().optional(),
          tag: z.string().optional(),
          expectedVersion: z.union([z.int(), z.enum(['any', 'exists'])]),
          actualVersion: z.int(),
        }),
      )
      .optional()
      .describe('Of a transaction: the streams and tags that are not as expected'),
    next: z.string().optional().describe('Position in the log after the unreadable event, to continue without it'),
  })
  .meta({ id: 'Problem' });
/** The body of an error answer. */
export type Problem = z.output<typeof problemSchema>;

/** Whether the server's log names a problem. A view that is behind is none: the caller says which version to wait for. */
export const isFault = ({ code }: Pick<Problem, 'code'>): boolean =>
  problemKinds[code].status >= 500 && code !== 'VIEW_BEHIND';

/** Pause before the next attempt after an unreachable storage, seconds. */
export const RETRY_AFTER_SECONDS = 1;

/** Most places in a validation problem, and most characters about each. */
const MAX_ISSUES = 50;
const MAX_MESSAGE = 500;

/** The problem for an error. An unforeseen error becomes INTERNAL, and the caller does not see its message. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ValidationError) {
    const errors = error.issues.slice(0, MAX_ISSUES).map(({ path, message }) => ({ path, message: shorten(message) }));
    return { ...problem('VALIDATION_FAILED', error.message), errors };
  }
  if (error instanceof ConcurrencyError) {
    const { expectedVersion, actualVersion } = error;
    const conflicts = error instanceof TransactionConflictError ? { conflicts: [...error.conflicts] } : {};
    return { ...problem(error.code, error.message), expectedVersion, actualVersion, ...conflicts };
  }
  if (error instanceof CorruptDataError && error.next !== undefined) {
    return { ...problem(error.code, error.message), next: error.next };
  }
  if (error instanceof AnnalsError && error.code === 'UNAVAILABLE') {
    // The caller learns that the result of a write is unknown, not which service failed.
    return problem(error.code, 'the outcome of a write is unknown; repeat the request with the same Idempotency-Key');
  }
  if (error instanceof AnnalsError || error instanceof RequestError) return problem(error.code, error.message);
  return problem(
    'INTERNAL',
    'the fault is in the server; its log has the details under the X-Correlation-Id of this answer',
  );
}

function problem(code: ProblemCode, detail: string): Problem {
  const type = `urn:annals:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return { type, ...problemKinds[code], detail: shorten(detail), code };
}

function shorten(text: string): string {
  const whole = text.toWellFormed();
  return whole.length <= MAX_MESSAGE ? whole : `${whole.slice(0, MAX_MESSAGE).toWellFormed()}…`;
}
