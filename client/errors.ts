/** The members of a problem answer; see {@link AnnalsRequestError}. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[] | undefined;
  readonly actualVersion?: number | undefined;
  readonly next?: string | undefined;
}

/** The server refused the request or failed. */
export class AnnalsRequestError extends Error {
  override readonly name = 'AnnalsRequestError';
  /** HTTP status of the answer. */
  readonly status: number;
  /** Stable name of the problem, such as `CONCURRENCY_CONFLICT`; `HTTP_<status>` when the answer names none. */
  readonly code: string;
  /** The fault, and the way to repair it. */
  readonly detail: string;
  /** Every invalid place in the request; empty for other problems. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** The version of the stream, when another writer was faster. */
  readonly actualVersion: number | undefined;
  /** In the log: the position after the unreadable event, to continue without it. */
  readonly next: string | undefined;
  /** The pause that the server asks for before the next attempt, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Whether the answer is not of Annals: no correlation id, and no problem with a code. A proxy or another server sent it. */
  readonly isForeign: boolean;

  constructor(
    request: string,
    status: number,
    problem: Problem,
    {
      retryAfterMs,
      isForeign = false,
    }: { readonly retryAfterMs?: number | undefined; readonly isForeign?: boolean } = {},
  ) {
    super(`${request}: ${status} ${problem.code}: ${problem.detail}`);
    this.status = status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.actualVersion = problem.actualVersion;
    this.next = problem.next;
    this.retryAfterMs = retryAfterMs;
    this.isForeign = isForeign;
  }
}

/** No answer came after all retries. The request may have been carried out: repeat it with the same idempotency key. */
export class AnnalsUnreachableError extends Error {
  override readonly name = 'AnnalsUnreachableError';
  constructor(request: string, cause: unknown) {
    super(`${request}: no answer: ${reasonOf(cause)}`, { cause });
  }
}

/** `fetch` hides the fault (`ECONNREFUSED ...`) in the cause of a "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const { code } = error.cause as { code?: unknown };
  return typeof code === 'string' ? code : reasonOf(error.cause);
}
