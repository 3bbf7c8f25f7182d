import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { newEventSchema, recordedEventSchema } from '../../events/catalogue.ts';
import { type ProblemCode, problemKinds, problemSchema } from './problem.ts';
import { contextHeaders, REPEATED, type Route, type RouteDeclaration, route } from './route.ts';

/** `GET /openapi.json`: describes the routes given, and itself. */
export function openApiRoute(others: readonly RouteDeclaration[]): Route<object> {
  let document: ReturnType<typeof openApiDocument> | undefined;
  const openApi = route({
    name: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    answer: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()).optional() }),
    statuses: { 200: 'An OpenAPI 3.1 document' },
    async handle() {
      document ??= openApiDocument([...others, openApi]); // slow, and most instances never need it
      return { status: 200, body: { ...document } };
    },
  });
  return openApi;
}

/** The OpenAPI 3.1 document of routes, from the declarations that validate their requests. */
export function openApiDocument(routes: readonly RouteDeclaration[]) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: toOperation(route) };
  }
  const info = {
    title: 'Annals',
    version: '1.0.0',
    description: 'The event-sourced backbone of a system of parallel AI agents. Errors are RFC 9457 problem details.',
  };
  const schemas = { NewEvent: newEventSchema, Event: recordedEventSchema };
  return createDocument({ openapi: '3.1.0', info, paths, components: { schemas } });
}

function toOperation(route: RouteDeclaration): ZodOpenApiOperationObject {
  const { name, summary, description, params, query, body } = route;
  const header = route.method === 'POST' ? contextHeaders : contextHeaders.pick({ 'X-Correlation-Id': true });
  return {
    operationId: name,
    tags: [route.path.split('/')[1] ?? ''],
    summary,
    ...(description ? { description } : {}),
    requestParams: { ...(params ? { path: params } : {}), ...(query ? { query } : {}), header },
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: toResponses(route),
  };
}

/** A status may have both: `GET /health` answers 503 with its checks, or with a problem. */
function toResponses(route: RouteDeclaration) {
  const answers = toAnswers(route);
  const problems = toProblems(route);
  const both = Object.entries(problems).flatMap(([status, problem]) => {
    const answer = answers[status];
    if (!answer) return [];
    const description = `${answer.description}; ${problem.description}`;
    return [[status, { ...answer, description, content: { ...answer.content, ...problem.content } }]];
  });
  return { ...answers, ...problems, ...Object.fromEntries(both) };
}

const responseHeaders = { 'X-Correlation-Id': contextHeaders.shape['X-Correlation-Id'].unwrap() };
const viewHeaders = { ...responseHeaders, 'X-View-Version': z.string().describe('The version of the view') };

const commandHeaders = {
  ...responseHeaders,
  [REPEATED]: z.enum(['true']).optional().describe('Marks the answer to a repeat; nothing was written'),
};

function toAnswers({ method, statuses, answer, viewVersion }: RouteDeclaration) {
  const content = { 'application/json': { schema: answer } };
  const readHeaders = viewVersion ? viewHeaders : responseHeaders;
  const headers = z.object(method === 'POST' ? commandHeaders : readHeaders);
  return mapValues(statuses, (description) => ({ description, headers, content }));
}

/** The problem codes of a route: the declared codes, and the codes that follow from the shape of its requests. */
export function problemCodesOf({ method, body, errors = [] }: RouteDeclaration): ProblemCode[] {
  const bodyCodes = ['MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
  // Every route refuses unknown query parameters.
  const keyCodes = method === 'POST' ? (['IDEMPOTENCY_KEY_REUSED'] as const) : [];
  return [
    'INVALID_ID',
    'VALIDATION_FAILED',
    ...keyCodes,
    ...(body ? bodyCodes : []),
    ...errors,
    'INTERNAL',
    'UNAVAILABLE',
  ];
}

function toProblems(route: RouteDeclaration) {
  const content = { 'application/problem+json': { schema: problemSchema } };
  const headers = z.object(responseHeaders);
  const byStatus = Object.groupBy(problemCodesOf(route), (code) => problemKinds[code].status);
  return mapValues(byStatus, (codes) => ({ description: (codes ?? []).join(', '), headers, content }));
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
