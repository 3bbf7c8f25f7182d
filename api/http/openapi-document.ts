import * as z from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Example, Examples } from '../../application/examples.ts';
import type { Catalogue } from '../../core/events/catalogue.ts';
import { showParameters } from './openapi-examples.ts';
import { anyJson, type Document, namedSchemas, withoutUnused } from './openapi-schemas.ts';
import { type ProblemCode, problemKinds, problemSchema } from './problem.ts';
import { contextHeaders, REPEATED, type RouteDeclaration, type StreamedRoute } from './route.ts';

/** Where the API answers. */
const servers = [
  { url: 'http://127.0.0.1:4700', description: 'one machine' },
  {
    url: 'https://{api}.execute-api.{region}.amazonaws.com/{stage}',
    description: 'AWS',
    variables: { api: { default: 'api' }, region: { default: 'eu-central-1' }, stage: { default: 'dev' } },
  },
];

const securitySchemes = {
  sigv4: {
    type: 'apiKey',
    name: 'Authorization',
    in: 'header',
    description: 'On AWS: Signature Version 4 of an IAM principal. On one machine nobody signs.',
    'x-amazon-apigateway-authtype': 'awsSigv4',
  },
} as const;

/** The OpenAPI 3.1 document of routes, from the declarations that validate their requests. */
export function openApiDocument(
  catalogue: Catalogue,
  all: readonly RouteDeclaration[],
  streamed: readonly StreamedRoute[],
  examples: Examples = {},
): Document {
  const routes = all.filter(({ protocol }) => protocol === undefined);
  const paths: ZodOpenApiPathsObject = {};
  for (const route of streamed) paths[route.path] = { get: toStreamedOperation(route) };
  for (const route of routes) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: toOperation(route, examples[route.name]),
    };
  }
  const info = {
    title: 'Annals',
    version: '1.0.0',
    description: 'The event-sourced backbone of a system of parallel AI agents. Errors are RFC 9457 problem details.',
  };
  const security: Record<string, string[]>[] = [{}, { sigv4: [] }];
  const components = { schemas: namedSchemas(catalogue, routes), securitySchemes };
  const document = createDocument(
    { openapi: '3.1.0', info, servers, security, paths, components },
    { override: anyJson },
  );
  const complete = withoutUnused(document);
  showParameters(complete, examples);
  return complete;
}

function toOperation(route: RouteDeclaration, example: Example = {}): ZodOpenApiOperationObject {
  const { name, summary, description, params, query, body } = route;
  const header = route.method === 'POST' ? contextHeaders : contextHeaders.pick({ 'X-Correlation-Id': true });
  const content = body && { 'application/json': { schema: body, ...(example.body && { example: example.body }) } };
  return {
    operationId: name,
    tags: [route.path.split('/')[1] ?? ''],
    summary,
    ...(description ? { description } : {}),
    ...(route.auth === false ? { security: [] } : {}),
    requestParams: { ...(params ? { path: params } : {}), ...(query ? { query } : {}), header },
    ...(content ? { requestBody: { required: true, content } } : {}),
    responses: toResponses(route, example),
  };
}

function toStreamedOperation({ name, path, summary, query, headers, mediaType, answer, errors }: StreamedRoute) {
  return {
    operationId: name,
    tags: [path.split('/')[1] ?? ''],
    summary,
    requestParams: { ...(query ? { query } : {}), ...(headers ? { header: headers } : {}) },
    responses: {
      200: { description: answer, content: { [mediaType]: { schema: z.string() } } },
      ...problemResponses(errors),
    },
  };
}

/** A status may have both: `GET /health` answers 503 with its checks, or with a problem. */
function toResponses(route: RouteDeclaration, example: Example) {
  const answers = toAnswers(route, example);
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

function toAnswers({ method, statuses, answer, viewVersion }: RouteDeclaration, example: Example) {
  const readHeaders = viewVersion ? viewHeaders : responseHeaders;
  const headers = z.object(method === 'POST' ? commandHeaders : readHeaders);
  return mapValues(statuses, (description, status) => {
    const shown = example.status === Number(status) && { example: example.answer };
    return { description, headers, content: { 'application/json': { schema: answer, ...shown } } };
  });
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

const toProblems = (route: RouteDeclaration) => problemResponses(problemCodesOf(route));

/** The answers to the problems that an operation may have, by status. */
function problemResponses(codes: readonly ProblemCode[]) {
  const content = { 'application/problem+json': { schema: problemSchema } };
  const headers = z.object(responseHeaders);
  const byStatus = Object.groupBy(codes, (code) => problemKinds[code].status);
  return mapValues(byStatus, (some) => ({ description: (some ?? []).join(', '), headers, content }));
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
