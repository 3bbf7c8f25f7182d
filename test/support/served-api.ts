import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import application from '#application';
import { commandRoutes } from '../../api/commands.ts';
import { problemCodesOf } from '../../api/http/openapi-document.ts';
import { problemSchema } from '../../api/http/problem.ts';
import type { RouteDeclaration } from '../../api/http/route.ts';
import { operationRoutes } from '../../api/operations/operations.ts';
import { queryRoutes } from '../../api/queries.ts';
import { workRoutes } from '../../api/work.ts';
import { type Server, startServer } from '../../bin/serve/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any JSON
  readonly body: any;
}

export interface Call {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent unchanged. */
  readonly raw?: BodyInit;
  readonly headers?: Readonly<Record<string, string>>;
}

const routes: readonly RouteDeclaration[] = [
  ...commandRoutes(application),
  ...operationRoutes,
  ...workRoutes(application),
  ...queryRoutes(application),
];

/** The HTTP API over the embedded engine on a free port, for the tests of a file. Every answer is checked against its route. */
export function servedApi() {
  const dataDir = join(temporaryFolder(), 'data');
  const logger = { warn: vi.fn(), error: vi.fn() };
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ port: 0, dataDir, logger });
  });
  afterAll(() => server.close());

  async function call(method: string, path: string, { body, raw, headers }: Call = {}): Promise<Reply> {
    const content = raw ?? (body === undefined ? null : JSON.stringify(body));
    const type = content === null ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${server.url}${path}`, { method, body: content, headers: { ...type, ...headers } });
    const text = await response.text();
    const reply = {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    assertDeclared(method, path, reply);
    return reply;
  }

  return {
    call,
    logger,
    url: () => server.url,
    get: (path: string) => call('GET', path),
    post: (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
      call('POST', path, { body, headers }),
    /** The number of commits on disk. */
    commits: () => {
      const database = new DatabaseSync(join(dataDir, 'events.sqlite'), { readOnly: true });
      const row = database.prepare('SELECT count(*) AS commits FROM commits').get();
      database.close();
      return Number(row?.['commits']);
    },
  };
}

/** Checks an answer against the declaration of its route, and so against the OpenAPI document. */
function assertDeclared(method: string, path: string, { status, headers, body }: Reply): void {
  expect(headers.get('x-correlation-id')).toMatch(/^[A-Za-z0-9]/);
  const route = routes.find((candidate) => candidate.method === method && fits(candidate, path));
  if (status < 400) {
    expect(headers.get('content-type')).toBe('application/json');
    if (!route || body === undefined) return;
    expect(Object.keys(route.statuses)).toContain(String(status));
    expect(route.answer.safeParse(body).error).toBeUndefined();
    return;
  }
  expect(headers.get('content-type')).toBe('application/problem+json');
  const problem = problemSchema.parse(body);
  expect(problem.status).toBe(status);
  if (route) expect(problemCodesOf(route)).toContain(problem.code);
}

function fits({ path }: RouteDeclaration, called: string): boolean {
  const pattern = path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${pattern}$`).test(called.split('?')[0] ?? '');
}
