import * as z from 'zod';
import type { Annals } from '../../application/define-annals.ts';
import type { Document } from './openapi-schemas.ts';
import { type Route, type RouteDeclaration, route, type StreamedRoute } from './route.ts';

const OPERATION = /^[a-z][A-Za-z0-9]*$/;

/**
 * `GET /openapi.json`: describes the routes given, and itself. Most processes are never asked for the document, and its
 * library costs a start some milliseconds, so the first request loads the library.
 * @throws Error unless each operation has a name of its own, in letters and digits
 */
export function openApiRoute(
  { catalogue, examples }: Pick<Annals, 'catalogue' | 'examples'>,
  others: readonly RouteDeclaration[],
  streamed: readonly StreamedRoute[] = [],
): Route<object> {
  let document: Document | undefined;
  const openApi = route({
    name: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    answer: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()).optional() }),
    statuses: { 200: 'An OpenAPI 3.1 document' },
    async handle() {
      const { openApiDocument } = await import('./openapi-document.ts');
      document ??= openApiDocument(catalogue, [...others, openApi], streamed, await examples());
      return { status: 200, body: { ...document } };
    },
  });
  assertNames([...others, ...streamed, openApi]);
  return openApi;
}

/** Generators of clients and the models of API Gateway take each name once, in letters and digits. */
function assertNames(routes: readonly Pick<RouteDeclaration, 'name' | 'path'>[]): void {
  const paths = new Map<string, string>();
  for (const { name, path } of routes) {
    const other = paths.get(name);
    const fault =
      other === undefined ? 'is not in letters and digits, a small letter first' : `is that of ${other}, too`;
    if (other === undefined && OPERATION.test(name)) paths.set(name, path);
    else throw new Error(`${path}: the name ${name} ${fault}; give the command another \`operation\``);
  }
}
