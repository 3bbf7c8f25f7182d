/**
 * The errors by which our functions refuse: asked again, they would say the same. Every other error that a state machine hears of
 * is a lost answer: time, memory, a crash, a function that cannot start, permissions, an outage, and names that Lambda will have
 * next year. Nothing is known of the work then, so the machine asks again. A test compares the list with the classes.
 *
 * AWS's own names are listed in "Handle Lambda service exceptions",
 * https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html, and in "Error names",
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (read in November 2026). Neither is complete.
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
  'PayloadTooLargeError',
  'CorruptDataError',
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
 * The retriers of a task: again after a lost answer, never after a refusal. They come last, for Step Functions takes the first
 * retrier that knows an error.
 * @param besides what else is an answer and no loss
 */
export const unlessRefused = (patience: Patience, besides: readonly string[] = []) => [
  { ErrorEquals: [...refusals, ...besides], MaxAttempts: 0 },
  { ErrorEquals: ['States.ALL'], ...patience },
];

/** The 262,144 bytes of Step Functions are exceeded. `States.ALL` does not cover this name. */
export const TOO_LARGE = 'States.DataLimitExceeded';

/** Goes to `next` with the error in `$.error`, whatever the error is. */
export const whateverFails = (next: string) =>
  [[TOO_LARGE], ['States.ALL']].map((ErrorEquals) => ({ ErrorEquals, ResultPath: '$.error', Next: next }));
