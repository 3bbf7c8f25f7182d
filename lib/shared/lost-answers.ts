/**
 * The errors by which functions refuse a request. A repeat would be refused again. Every other error that a state machine
 * meets is a lost answer: time, memory, a crash, a function that cannot start, permissions, an outage, and names that Lambda
 * may add. The outcome of the work is unknown then, so the machine asks again. A test compares the list with the classes.
 *
 * AWS lists its names in "Handle Lambda service exceptions",
 * https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html, and in "Error names",
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (read in November 2026). Neither list is complete.
 */
export const refusals: readonly string[] = [
  'ValidationError',
  'InvalidIdError',
  'NotFoundError',
  'StreamNotFoundError',
  'CommandRejectedError',
  'NotAdmittedError',
  'ReservedTypeError',
  'IdempotencyKeyReusedError',
  'EventIdTakenError',
  'DeliveryLostError',
  'LeaseLostError',
  'BudgetSpentError',
  'PayloadTooLargeError',
  'CorruptDataError',
  'AfterLogError',
  'LineageError',
  'LostHistoryError',
  'SagaCompensating',
];

/** Pauses and attempts of a retrier. */
export interface Patience {
  readonly IntervalSeconds: number;
  readonly BackoffRate: number;
  readonly MaxAttempts: number;
  readonly MaxDelaySeconds: number;
  readonly JitterStrategy: 'FULL';
}

/**
 * The retriers of a task: a retry after a lost answer, none after a refusal. Put them last, because Step Functions takes the
 * first retrier that matches an error.
 * @param answers further errors that are answers
 */
export const unlessRefused = (patience: Patience, answers: readonly string[] = []) => [
  { ErrorEquals: [...refusals, ...answers], MaxAttempts: 0 },
  { ErrorEquals: ['States.ALL'], ...patience },
];

/** The error for payloads over the 262,144 bytes of Step Functions. `States.ALL` does not match it. */
export const TOO_LARGE = 'States.DataLimitExceeded';

/** Catchers that go to `next` after any error, with the error in `$.error`. */
export const whateverFails = (next: string) =>
  [[TOO_LARGE], ['States.ALL']].map((ErrorEquals) => ({ ErrorEquals, ResultPath: '$.error', Next: next }));
