import { describe, expect, it } from 'vitest';
import application from '#application';
import { commandRoutes } from '../../../api/commands.ts';
import type { RouteDeclaration } from '../../../api/http/route.ts';
import { operationRoutes } from '../../../api/operations/operations.ts';
import { traceQueries } from '../../../api/operations/trace-queries.ts';
import { queryRoutes } from '../../../api/queries.ts';
import { workRoutes } from '../../../api/work.ts';
import { servedApi } from '../../support/served-api.ts';

const { call, get, commits } = servedApi();

const routes: readonly RouteDeclaration[] = [
  ...commandRoutes(application),
  ...operationRoutes,
  ...workRoutes(application),
  ...queryRoutes(application),
  ...traceQueries,
];
/** Those of other protocols have the refusals of the protocol. */
const own = routes.filter(({ protocol }) => protocol === undefined);
const operations = [...own.map(({ method, path }) => `${method} ${path}`), 'GET /events/stream', 'GET /metrics'];

/** A path with ids that every route accepts. */
const pathOf = (template: string) =>
  template
    .replaceAll('{deadLetterId}', 'bus:agent-1')
    .replaceAll('{type}', 'order.placed')
    .replaceAll(/\{\w+\}/g, 'agent-1');

describe('an unknown query parameter', () => {
  it.each(operations)('is refused by %s before it does anything', async (operation) => {
    const [method = '', template = ''] = operation.split(' ');
    const { status, body } = await call(method, `${pathOf(template)}?x=1`);
    expect([status, body.code, body.errors]).toEqual([
      422,
      'VALIDATION_FAILED',
      [{ path: 'x', message: expect.stringContaining('is not a known parameter') }],
    ]);
    expect(commits()).toBe(0);
  });

  it('is tested on every operation of the OpenAPI document', async () => {
    const { body } = await get('/openapi.json');
    const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.filter((operation) => !operations.includes(operation))).toEqual([]);
  });
});
