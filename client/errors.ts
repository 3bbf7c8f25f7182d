/** What a problem answer says besides its status; see {@link AnnalsRequestError}. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
  readonly actualVersion?: number | undefined;
  readonly next?: string | undefined;
}

/** The server answered, but not with what was asked for. */
export class AnnalsRequestError extends Error {
  override readonly name = 'AnnalsRequestError';
  /** HTTP status of the answer. */
  readonly status: number;
  /** Stable name of the problem, such as `CONCURRENCY_CONFLICT`; `HTTP_<status>` when the answer names none. */
  readonly code: string;
  /** What is wrong and what to do about it. */
  readonly detail: string;
  /** Every place in the request that breaks a rule; empty unless the request was invalid. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** Where the stream is, when another writer was faster. */
  readonly actualVersion: number | undefined;
  /** In the log: the position after what cannot be read, for whoever decides to go on without it. */
  readonly next: string | undefined;
  /** How long the server asks to wait before the next try, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, status: number, problem: Problem, retryAfterMs?: number) {
    super(`${request}: ${status} ${problem.code}: ${problem.detail}`);
    this.status = status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.actualVersion = problem.actualVersion;
    this.next = problem.next;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * No answer came, for all the retries. Whether the request was carried out is unknown: repeat it with the same
 * idempotency key.
 */
export class AnnalsUnreachableError extends Error {
  override readonly name = 'AnnalsUnreachableError';
  constructor(request: string, cause: unknown) {
    super(`${request}: no answer: ${reasonOf(cause)}`, { cause });
  }
}

/** `fetch` hides what went wrong (`ECONNREFUSED ...`) in the cause of a "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const { code } = error.cause as { code?: unknown };
  return typeof code === 'string' ? code : reasonOf(error.cause);
}
