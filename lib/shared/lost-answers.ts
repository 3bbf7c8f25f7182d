/**
 * The errors by which a state machine learns that its function gave no answer: nothing is known, so the machine asks again. Only
 * errors of our own names say that the work itself failed.
 *
 * Sources, read in November 2026: "Handle Lambda service exceptions" in
 * https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html, "Error names" in
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html, the errors of
 * https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, and what executions were seen to report.
 */
export const lostAnswers: readonly string[] = [
  // the call did not reach Lambda, or its answer was lost
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
  'Lambda.Unknown',
  // the function ended without an answer: time, memory, a crash
  'Lambda.Timeout',
  'Sandbox.Timedout',
  'Sandbox.Killed',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Runtime.Unknown',
  'Extension.Crash',
  // Lambda cannot start the function just now, or an operator has to repair something
  'Lambda.EC2AccessDeniedException',
  'Lambda.EC2ThrottledException',
  'Lambda.EC2UnexpectedException',
  'Lambda.ENILimitReachedException',
  'Lambda.KMSAccessDeniedException',
  'Lambda.KMSDisabledException',
  'Lambda.KMSInvalidStateException',
  'Lambda.KMSNotFoundException',
  'Lambda.InvalidRuntimeException',
  'Lambda.RecursiveInvocationException',
  'Lambda.ResourceConflictException',
  'Lambda.ResourceNotFoundException',
  'Lambda.ResourceNotReadyException',
  'Lambda.AccessDeniedException',
  'Lambda.ExpiredTokenException',
  'Lambda.UnrecognizedClientException',
  'Lambda.InvalidSignatureException',
  'States.Permissions',
  // the function met an outage of what it works on, or lost a race
  'UnavailableError',
  'ConcurrencyError',
];

/** The 262,144 bytes of Step Functions are exceeded. `States.ALL` does not cover this name. */
export const TOO_LARGE = 'States.DataLimitExceeded';

/** Goes to `next` with the error in `$.error`, whatever the error is. */
export const whateverFails = (next: string) =>
  [[TOO_LARGE], ['States.ALL']].map((ErrorEquals) => ({ ErrorEquals, ResultPath: '$.error', Next: next }));
