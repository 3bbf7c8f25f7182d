import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import application from '#application';
import { commandRoutes } from '../../../../api/commands.ts';
import { operationRoutes } from '../../../../api/operations/operations.ts';
import { traceQueries } from '../../../../api/operations/trace-queries.ts';
import { queryRoutes } from '../../../../api/queries.ts';
import { workRoutes } from '../../../../api/work.ts';
import { servedApi } from '../../../support/served-api.ts';

const { get } = servedApi();

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema?: { readonly type?: string; readonly enum?: readonly unknown[] };
  }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }>
  >;
}

async function operations(): Promise<Map<string, Operation>> {
  const { body } = await get('/openapi.json');
  const paths = Object.entries(body.paths as Record<string, Record<string, Operation>>);
  return new Map(
    paths.flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
}

it('the document is valid OpenAPI 3.1', async () => {
  const { body } = await get('/openapi.json');
  expect(body.openapi).toBe('3.1.0');
  const validator = new Validator();
  expect(await validator.validate(structuredClone(body))).toEqual({ valid: true });
  validator.resolveRefs(); // throws where a reference leads nowhere
});

it('an enumeration of a parameter has values of the type of the parameter', async () => {
  const parameters = [...(await operations()).values()].flatMap((operation) => operation.parameters ?? []);
  const enums = parameters.flatMap(({ name, schema }) => (schema?.enum ? [{ name, ...schema }] : []));
  expect(enums.length).toBeGreaterThan(0);
  for (const { name, type, enum: values } of enums) expect([name, typeof values?.[0]]).toEqual([name, type]);
});

it('the document has every served route', async () => {
  const names = [...(await operations()).keys()];
  const served = [
    ...[...commandRoutes(application), ...operationRoutes, ...workRoutes(application)],
    ...[...queryRoutes(application), ...traceQueries],
  ];
  const streamed = ['GET /events/stream', 'GET /metrics'];
  const declared = served
    .filter(({ protocol }) => protocol === undefined)
    .map(({ method, path }) => `${method} ${path}`);
  expect(names.toSorted()).toEqual([...declared, ...streamed].toSorted());
  expect(names).toEqual(
    expect.arrayContaining([
      'POST /streams/{streamId}/events',
      'GET /streams/{streamId}/events',
      'POST /agents',
      'POST /agents/{agentId}/state',
      'POST /agents/{agentId}/steps',
      'POST /tasks',
      'POST /tasks/{taskId}/completions',
      'POST /tasks/{taskId}/failures',
      'POST /workflows',
      'POST /workflows/{workflowId}/steps',
      'GET /agents',
      'GET /agents/{agentId}',
      'GET /tasks/{taskId}',
      'GET /workflows/{workflowId}',
      'GET /projections',
      'GET /projections/{name}/{key}',
      'GET /health',
      'GET /openapi.json',
    ]),
  );
});

const streamedTypes: Readonly<Record<string, string>> = {
  'GET /events/stream': 'text/event-stream',
  'GET /metrics': 'text/plain',
};

it('the document describes name, parameters, body, answers and errors of every operation', async () => {
  const all = await operations();
  expect(new Set([...all.values()].map(({ operationId }) => operationId)).size).toBe(all.size);
  for (const [name, { summary, parameters = [], requestBody, responses }] of all) {
    expect(summary, name).not.toBe('');
    const named = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    expect(inPath.map((parameter) => parameter.name).toSorted(), name).toEqual(named.toSorted());
    expect(
      inPath.every(({ required }) => required),
      name,
    ).toBe(true);
    const headers = parameters.filter((parameter) => parameter.in === 'header').map((parameter) => parameter.name);
    expect(headers.includes('Idempotency-Key'), name).toBe(name.startsWith('POST'));
    if (requestBody) expect(Object.keys(responses), name).toEqual(expect.arrayContaining(['400', '413', '415', '422']));
    const statuses = Object.keys(responses);
    expect(
      statuses.some((status) => status.startsWith('2')),
      name,
    ).toBe(true);
    for (const [status, { content }] of Object.entries(responses)) {
      const usual = streamedTypes[name] ?? 'application/json';
      const type = Number(status) >= 400 ? 'application/problem+json' : usual;
      expect(Object.keys(content), `${name} ${status}`).toContain(type);
    }
  }
  const ill = all.get('GET /health')?.responses['503'];
  expect(Object.keys(ill?.content ?? {})).toEqual(['application/json', 'application/problem+json']);
});

it('the document has every event type', async () => {
  const { body } = await get('/openapi.json');
  const text = JSON.stringify(body.components.schemas);
  for (const type of ['agent.created', 'task.requested', 'workflow.started', 'system.resource-alert']) {
    expect(text).toContain(`"${type}"`);
  }
});

it('the document names the schema of every event, body and answer, for generated clients', async () => {
  const { body } = await get('/openapi.json');
  const names = Object.keys(body.components.schemas);
  expect(names).toEqual(
    expect.arrayContaining([
      'AgentCreatedEvent',
      'NewAgentCreatedEvent',
      'CreateAgentRequest',
      'CreateAgentAnswer',
      'Json',
    ]),
  );
  expect(names.filter((name) => name.startsWith('__') || name.endsWith('Output'))).toEqual([]);
});
