import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as z from 'zod';
import { InvalidIdError, ValidationError } from '../../core/base/errors.ts';
import { ID_PATTERN } from '../../core/base/stream-id.ts';
import { turnAfter } from '../../core/base/turns.ts';
import { issuesOf } from '../../core/base/validation.ts';
import { id } from '../../core/events/envelope.ts';
import { FREE_MS, readJsonBody } from './json-body.ts';
import type { ProblemCode } from './problem.ts';
import { Upload } from './uploads.ts';

/** The headers that connect a request with others. */
export const contextHeaders = z.object({
  'X-Correlation-Id': id.optional().describe('Id of the conversation; made when absent, and on every answer'),
  'X-Causation-Id': id.optional().describe('Id of the event that caused this request'),
  'Idempotency-Key': id
    .optional()
    .describe(
      'POST only: a repeat with the same key writes nothing and gets the same answer, for at least 30 days. Another request with the key is refused',
    ),
});

/** Response header, `true` on the answer to a repeat with the same Idempotency-Key: nothing was written. */
export const REPEATED = 'Idempotent-Replayed';

/** The ids in the headers of a request. */
export interface RequestContext {
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The digest of a request with an idempotency key; see {@link requestDigest}. */
  readonly digest?: string | undefined;
}

/** The input of a route from the router. */
export interface RoutedRequest {
  readonly params: Record<string, string>;
  readonly raw: Request;
  readonly context: RequestContext;
}

/** The answer of a route. A body of bytes is sent as it is, with a `Content-Type` among the headers. */
export interface Answer<Body = unknown, Status extends ContentfulStatusCode = ContentfulStatusCode> {
  readonly status: Status;
  readonly body: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A route as data: the router, the OpenAPI document and the deployment all read it. */
export interface RouteDeclaration {
  /** Names the operation, for those who generate clients. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With parameters as OpenAPI writes them: `/agents/{agentId}`. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  /** False for routes without authentication. */
  readonly auth?: false;
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  readonly body?: z.ZodType | undefined;
  /** The body of every answer in `statuses`. */
  readonly answer: z.ZodType;
  /** The meaning of each successful status. */
  readonly statuses: Readonly<Record<number, string>>;
  /** The route speaks this protocol of others, which has documents of its own. The document of the API leaves it out. */
  readonly protocol?: 'OTLP' | 'MCP' | 'Claude Code hooks';
  /** Texts of the body with half surrogates are taken, with U+FFFD in their place: the sender cannot do better. */
  readonly mendsTexts?: true;
  /** Answers carry `X-View-Version`. */
  readonly viewVersion?: true;
  /** The problems of this route, besides those of every request of its shape. */
  readonly errors?: readonly ProblemCode[];
}

/** A `GET` whose answer is a text, for the document. */
export interface StreamedRoute extends Pick<RouteDeclaration, 'name' | 'path' | 'summary' | 'query'> {
  readonly headers?: z.ZodObject | undefined;
  readonly mediaType: `text/${string}`;
  /** What the answer is. */
  readonly answer: string;
  readonly errors: readonly ProblemCode[];
}

/** A route with its handler. */
export interface Route<Deps> extends RouteDeclaration {
  /**
   * Validates the request by the declared schemas and answers it.
   * @param around gets the context of a valid request and the work that answers it
   * @throws the errors of the domain
   */
  readonly respond: (request: RoutedRequest, deps: Deps, around?: Around) => Promise<Answer>;
}

type Around = (context: RequestContext, work: () => Promise<Answer>) => Promise<Answer>;

type Nothing = z.ZodObject<Record<never, never>>;

interface TypedRoute<Deps, P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, A extends z.ZodType, S>
  extends RouteDeclaration {
  readonly params?: P | undefined;
  readonly query?: Q;
  readonly body?: B;
  readonly answer: A;
  readonly statuses: S & Readonly<Record<number, string>>;
  handle(
    request: {
      params: z.output<P>;
      query: z.output<Q>;
      body: z.output<B>;
      context: RequestContext;
      /** Aborts when the caller has gone, where the host knows that. */
      signal: AbortSignal;
    },
    deps: Deps,
  ): Promise<Answer<z.output<A>, keyof S & ContentfulStatusCode>>;
}

/** Declares a route. The types of its handler follow from the schemas that validate and document it. */
export function route<
  Deps,
  A extends z.ZodType,
  S extends object,
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  B extends z.ZodType = z.ZodUndefined,
>({ handle, ...declaration }: TypedRoute<Deps, P, Q, B, A, S>): Route<Deps> {
  const { params, query, body } = declaration;
  const parameters = query ?? z.object({});
  return {
    ...declaration,
    async respond({ params: given, raw, context }, deps, around = (_, work) => work()) {
      const upload = new Upload();
      try {
        const place = { params: params ? parseIds(params, given) : {}, query: readQuery(parameters, raw) };
        const json = body ? await readJsonBody(raw, upload, declaration.mendsTexts) : undefined;
        const pause = turnAfter(FREE_MS);
        const checked = body ? parseInput(body, json) : undefined;
        await pause();
        const keyed = context.idempotencyKey !== undefined && declaration.method === 'POST';
        const request = {
          ...place,
          body: checked,
          context: keyed
            ? { ...context, digest: requestDigest(declaration, { ...given, ...queryOf(raw) }, json) }
            : context,
          signal: raw.signal,
        };
        await pause();
        return await around(request.context, () => handle(request as Parameters<typeof handle>[0], deps));
      } finally {
        upload.release();
      }
    },
  };
}

/**
 * The digest of a request: 16 bytes of a hash in base64url, over the canonical JSON of RFC 8785. The order of members
 * and blanks do not matter.
 * @param params the parameters of the path and of the query; no route has one name in both
 */
export function requestDigest(
  { method, path }: Pick<RouteDeclaration, 'method' | 'path'>,
  params: Readonly<Record<string, unknown>>,
  body: unknown,
): string {
  const text = canonicalize([method, path, params, body ?? null]) ?? '';
  return createHash('sha256').update(text).digest().subarray(0, DIGEST_BYTES).toString('base64url');
}

const DIGEST_BYTES = 16;

/** Parses values that have to be ids: the names in a path, the context headers. @throws InvalidIdError */
export function parseIds<S extends z.ZodObject>(schema: S, values: object): z.output<S> {
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw invalidId(parsed.error);
}

/** @throws InvalidIdError when only ids are wrong, else ValidationError */
function parseInput<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (parsed.error.issues.every(breaksIdPattern)) throw invalidId(parsed.error);
  throw new ValidationError(issuesOf(parsed.error));
}

const breaksIdPattern = (issue: z.core.$ZodIssue) =>
  issue.code === 'invalid_format' && issue.pattern === String(ID_PATTERN);

function invalidId(error: z.ZodError): InvalidIdError {
  const [first] = issuesOf(error);
  return new InvalidIdError(`${first?.path} ${first?.message}`);
}

/**
 * The query of a request. Refuses undeclared parameters: an ignored filter would answer with everything.
 * @throws InvalidIdError, ValidationError
 */
export function readQuery<S extends z.ZodObject>(schema: S, request: Request): z.output<S> {
  const given = queryOf(request);
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return parseInput(schema, given);
  const takes = known.length === 0 ? 'this route takes none' : `this route takes ${known.join(', ')}`;
  throw new ValidationError(unknown.map((path) => ({ path, message: `is not a known parameter; ${takes}` })));
}

/** The query parameters of a presigned AWS request; the gateway has checked them. */
const SIGNATURE = /^X-Amz-/i;

/** A repeated parameter becomes a list, which no schema accepts. */
function queryOf(request: Request): Record<string, string | string[]> {
  const { searchParams } = new URL(request.url);
  const names = [...new Set(searchParams.keys())].filter((name) => !SIGNATURE.test(name));
  const entries = names.map((name) => {
    const values = searchParams.getAll(name);
    return [name, values.length === 1 && values[0] !== undefined ? values[0] : values] as const;
  });
  return Object.fromEntries(entries);
}
