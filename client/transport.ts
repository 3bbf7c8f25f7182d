import { handleWhen, retry } from 'cockatiel';
import * as z from 'zod/mini';
import { politeBackoff, retryAfterMs } from './backoff.ts';
import { AnnalsRequestError, AnnalsUnreachableError } from './errors.ts';

export interface RetryOptions {
  /** Attempts in total, the first included. */
  readonly attempts: number;
  /** Pause before the second attempt, milliseconds; doubles from there, with jitter. */
  readonly initialDelayMs: number;
  /** Longest pause, milliseconds. After a request for a longer pause there is no further attempt. */
  readonly maxDelayMs: number;
}

export type Fetch = (request: Request) => Response | Promise<Response>;

export interface TransportOptions {
  /** The URL of the API, such as `http://127.0.0.1:4700`; may have a path. */
  readonly url: string;
  /** Replaces the global `fetch`, for example to sign requests. */
  readonly fetch?: Fetch | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
  /** Time limit of one attempt, milliseconds. */
  readonly timeoutMs?: number | undefined;
}

/** One request. The client may repeat it, so it has to bear that: a read, a PUT, or a POST with an idempotency key. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly query?: object | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  readonly body?: object | undefined;
  /** The time that the server may hold its answer, milliseconds; added to the limit of an attempt. */
  readonly heldMs?: number | undefined;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
  /** Sends it once: the caller repeats it. */
  readonly once?: boolean | undefined;
}

export interface ApiAnswer<Body> {
  readonly headers: Headers;
  readonly body: Body;
}

/**
 * Sends a request, and parses the answer. Repeats it without an answer and after 429, 502, 503, and 504 from a proxy.
 * @throws AnnalsRequestError for any other answer
 * @throws AnnalsUnreachableError when no attempt was answered
 */
export type Transport = <S extends z.ZodMiniType>(request: ApiRequest, schema: S) => Promise<ApiAnswer<z.output<S>>>;

const DEFAULT_RETRY: RetryOptions = { attempts: 5, initialDelayMs: 100, maxDelayMs: 10_000 };
const DEFAULT_TIMEOUT_MS = 30_000;
const RETRIED_STATUS: ReadonlySet<number> = new Set([429, 502, 503]);
/** The code of a problem answer without a code. */
const unnamed = (status: number) => `HTTP_${status}`;

const problemSchema = z.object({
  code: z.string(),
  detail: z._default(z.string(), 'no detail given'),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  actualVersion: z.optional(z.number()),
  next: z.optional(z.string()),
});

/** @throws TypeError when `url` is not an http or https URL */
export function createTransport(options: TransportOptions): Transport {
  const { protocol, href } = new URL(options.url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${options.url} is not an http or https URL`);
  const base = href.replace(/\/+$/, '');
  const policy = retryPolicy({ ...DEFAULT_RETRY, ...options.retry });
  const send = options.fetch ?? fetch;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return (request, schema) => {
    const name = `${request.method} ${request.path}`;
    const url = `${base}${request.path}${queryOf(request.query)}`;
    const init = requestInit(request);
    const attempt = async () => {
      const limit = AbortSignal.timeout(timeoutMs + (request.heldMs ?? 0));
      const signal = request.signal ? AbortSignal.any([limit, request.signal]) : limit;
      const { response, text } = await exchange(name, send, new Request(url, { ...init, signal }));
      return readAnswer(name, response, text, schema);
    };
    return request.once ? attempt() : policy.execute(attempt);
  };
}

function retryPolicy({ attempts, initialDelayMs, maxDelayMs }: RetryOptions) {
  const isTransient = (error: unknown): boolean =>
    error instanceof AnnalsUnreachableError ||
    (error instanceof AnnalsRequestError &&
      (RETRIED_STATUS.has(error.status) || error.code === unnamed(504)) &&
      (error.retryAfterMs ?? 0) <= maxDelayMs);
  const backoff = politeBackoff({ initialDelayMs, maxDelayMs });
  return retry(handleWhen(isTransient), { maxAttempts: attempts - 1, backoff });
}

/** One attempt, up to the last byte of the answer. */
async function exchange(name: string, send: Fetch, request: Request): Promise<{ response: Response; text: string }> {
  try {
    const response = await send(request);
    return { response, text: await response.text() };
  } catch (cause) {
    throw new AnnalsUnreachableError(name, cause);
  }
}

function readAnswer<S extends z.ZodMiniType>(
  name: string,
  { ok, status, headers }: Response,
  text: string,
  schema: S,
): ApiAnswer<z.output<S>> {
  const body = parseJson(text);
  const isForeign = !headers.has('x-correlation-id');
  if (!ok) {
    const unexplained = { code: unnamed(status), detail: 'the answer does not say why' };
    const problem = problemSchema.safeParse(body).data;
    throw new AnnalsRequestError(name, status, problem ?? unexplained, {
      retryAfterMs: retryAfterMs(headers.get('retry-after')),
      isForeign: isForeign && !problem,
    });
  }
  if (body === undefined) throw new AnnalsUnreachableError(name, new Error('the answer is not JSON'));
  const parsed = schema.safeParse(body);
  if (parsed.success) return { headers, body: parsed.data };
  const advice = isForeign ? 'it is not of Annals, check the URL' : 'it is of another version of Annals';
  const detail = `this client does not understand the answer; ${advice}: ${z.prettifyError(parsed.error)}`;
  throw new AnnalsRequestError(name, status, { code: 'UNEXPECTED_ANSWER', detail }, { isForeign });
}

function requestInit({ method, headers = {}, body }: ApiRequest): RequestInit {
  const given = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    method,
    // A followed redirect would turn a POST into a GET.
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      ...Object.fromEntries(given),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  };
}

function queryOf(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** The answer of a proxy may be HTML; its status is enough. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
