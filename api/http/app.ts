import { type Context, Hono } from 'hono';
import { NotFoundError } from '../../core/base/errors.ts';
import { answerJson } from '../../core/base/json-text.ts';
import { ulids } from '../../core/base/new-id.ts';
import { ID_PATTERN } from '../../core/base/stream-id.ts';
import { forCaller } from '../../core/base/turns.ts';
import type { RequestObserver } from './observe.ts';
import { isFault, problemKinds, problemOf, RETRY_AFTER_SECONDS, RequestError } from './problem.ts';
import { contextHeaders, parseIds, type RequestContext, type Route, type RouteDeclaration } from './route.ts';

/** The log for faults of the server, and for refusals that a protocol reports; a Powertools logger fits. */
export interface ApiLogger {
  warn?(message: string, details: { readonly [name: string]: unknown }): void;
  error(message: string, details: { readonly [name: string]: unknown }): void;
}

/** The parts that every application may have. */
export interface AppDeps {
  readonly logger?: ApiLogger;
  /** Sees every request that a route takes. */
  readonly observe?: RequestObserver;
}

type Env = { Variables: { context: RequestContext } };
/** An application of Hono whose requests have a {@link RequestContext}. */
export type App = Hono<Env>;

/** An application that serves these routes, with the common headers and errors. */
export function createApp<Deps extends AppDeps>(routes: readonly Route<Deps>[], deps: Deps): App {
  const app: App = new Hono<Env>();
  const newId = ulids();
  const observe: RequestObserver = deps.observe ?? ((_, work) => work());
  app.use('*', async (c, next) => {
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Cache-Control', 'no-store');
    c.set('context', readContext(c, newId));
    await next();
    // HEAD makes the body of the GET too. A stream without a reader would never end.
    if (c.req.raw.method === 'HEAD') await c.res.body?.cancel();
  });
  for (const route of routes) {
    app.on(route.method, honoPath(route), async (c) => {
      const request = { params: c.req.param() as Record<string, string>, raw: c.req.raw, context: c.get('context') };
      const { correlationId } = request.context;
      const observed = {
        route: `${route.method} ${route.path}`,
        correlationId,
        traceHeader: c.req.header('X-Amzn-Trace-Id'),
      };
      const { status, content, headers } = await observe(observed, () =>
        forCaller(c.req.raw.signal, async () => {
          const { body, ...answer } = await route.respond(request, deps);
          return { ...answer, content: body instanceof Uint8Array ? new Uint8Array(body) : await answerJson(body) };
        }),
      );
      return c.body(content, status, { 'Content-Type': 'application/json', ...headers });
    });
  }
  app.notFound((c) => problemResponse(c, noRoute(c, routes), deps.logger));
  app.onError((error, c) => problemResponse(c, error, deps.logger));
  return app;
}

const honoPath = (route: RouteDeclaration) => route.path.replaceAll(/\{(\w+)\}/g, ':$1');

/**
 * The ids in a request's headers. Every answer carries a correlation id, so this id comes first.
 * @throws InvalidIdError
 */
function readContext(c: Context<Env>, newId: () => string): RequestContext {
  const given = c.req.header('X-Correlation-Id');
  const correlationId = given !== undefined && ID_PATTERN.test(given) ? given : newId();
  c.header('X-Correlation-Id', correlationId);
  const present = Object.keys(contextHeaders.shape).map((name) => [name, c.req.header(name)]);
  const headers = parseIds(contextHeaders, Object.fromEntries(present));
  return { correlationId, causationId: headers['X-Causation-Id'], idempotencyKey: headers['Idempotency-Key'] };
}

/** The error for a request without a route: an unknown path, or a method that the path does not take. */
function noRoute(c: Context<Env>, routes: readonly RouteDeclaration[]): Error {
  const path = c.req.path;
  const methods = routes.filter((route) => pathPattern(route).test(path)).map((route) => route.method);
  if (methods.length === 0) return new NotFoundError('no route has this path; GET /openapi.json lists them');
  const allowed = methods.flatMap((method) => (method === 'GET' ? [method, 'HEAD'] : [method])).join(', ');
  c.header('Allow', allowed);
  return new RequestError('METHOD_NOT_ALLOWED', `this path takes ${allowed}`);
}

const pathPattern = (route: RouteDeclaration) =>
  new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`);

function problemResponse(c: Context<Env>, error: Error, logger: ApiLogger | undefined): Response {
  const problem = problemOf(error);
  const { status } = problemKinds[problem.code];
  const hasGone = c.req.raw.signal.aborted; // a caller that has gone gets no answer, which is no fault
  if (isFault(problem) && !hasGone) logger?.error(problem.title, { error, code: problem.code, path: c.req.path });
  if (problem.code === 'UNAVAILABLE') c.header('Retry-After', String(RETRY_AFTER_SECONDS));
  return c.body(JSON.stringify(problem), status, { 'Content-Type': 'application/problem+json' });
}
