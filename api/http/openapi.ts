import * as z from 'zod';
import type { Annals } from '../../application/define-annals.ts';
import type { Document } from './openapi-schemas.ts';
import { type Route, type RouteDeclaration, route, type StreamedRoute } from './route.ts';

/**
 * `GET /openapi.json`: describes the routes given, and itself. Most processes are never asked for the document, and its
 * library costs a start some milliseconds, so the first request loads the library.
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
  return openApi;
}
