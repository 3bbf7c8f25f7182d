import * as z from 'zod';
import { camelCase, pascalCase } from '../http/names.ts';
import { anyJson } from '../http/openapi-schemas.ts';
import { contextHeaders, type Route, type RouteDeclaration } from '../http/route.ts';

/** The routes that agents see over MCP, the Model Context Protocol. */
export interface Mcp<Deps> {
  /** Each route is a tool. A route that reads by an id alone is a resource, too. */
  readonly routes: readonly Route<Deps>[];
  /** Names of tools that differ from the name of their operation in snake case. */
  readonly names: Readonly<Record<string, string>>;
}

/** Arguments of a tool, as an agent gives them. */
export type Arguments = Readonly<Record<string, unknown>>;

/** A route as a tool of agents. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly readOnly: boolean;
  /** JSON Schema of the arguments. */
  readonly schema: Record<string, unknown>;
  readonly route: RouteDeclaration;
  /** The items of a page by default; undefined for a route without pages. */
  readonly pageSize: number | undefined;
  /** The request to the route: its path, with the query, its headers and its body. */
  request(given: Arguments): {
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
  };
}

/** Items of a page, when an agent names no number: a page has to fit into a prompt. */
const PAGE_SIZE = 20;

/** The place of an argument in the request. */
interface Place {
  readonly in: 'path' | 'query' | 'header' | 'body';
  readonly name: string;
}

/**
 * Makes a tool from the declaration of a route. The arguments are the parameters of the path and of the query, the members of
 * the body, and for commands the headers that connect requests. A member of the body with the name of a parameter gets `new`
 * in front: `forkAgent` takes `agentId`, and `newAgentId` for the fork.
 */
export function toolOf(route: RouteDeclaration, name: string): Tool {
  const { method, path, summary, description, params, query, body } = route;
  const readOnly = method === 'GET';
  const places = new Map<string, Place>();
  const shape: Record<string, z.ZodType> = {};
  const add = (given: z.ZodObject | undefined, where: Place['in'], rename = (argument: string) => argument) => {
    for (const [member, schema] of Object.entries(given?.shape ?? {})) {
      const argument = rename(member);
      if (places.has(argument)) continue;
      places.set(argument, { in: where, name: member });
      shape[argument] = schema as z.ZodType;
    }
  };
  add(params, 'path');
  add(query, 'query');
  add(objectBody(route, body), 'body', (member) => (places.has(member) ? `new${pascalCase(member)}` : member));
  if (!readOnly) add(contextHeaders, 'header', argumentOf);
  const pageSize = query && 'limit' in query.shape ? PAGE_SIZE : undefined;
  return {
    ...{ name, readOnly, route, pageSize },
    description: [summary, description].filter(Boolean).join('. ').replace(/\.?$/, '.'),
    schema: schemaOf(shape, pageSize),
    request: (given) => requestOf(path, places, given, readOnly),
  };
}

/** The name of a header as an argument: `Idempotency-Key` is `idempotencyKey`. */
const argumentOf = (header: string) => camelCase(header.replace(/^X-/, '').toLowerCase());

function objectBody({ name }: RouteDeclaration, body: z.ZodType | undefined): z.ZodObject | undefined {
  if (body === undefined || body instanceof z.ZodObject) return body;
  throw new Error(`${name} cannot be a tool: its body is no object with named members`);
}

/**
 * Clients that check schemas take one without a keyword for an oversight, so any JSON is said in full. (`additionalProperties`
 * keeps zod from making a list of types out of it, which some models do not read.)
 */
const ANY_JSON = [
  { type: 'object', additionalProperties: true },
  ...(['array', 'string', 'number', 'boolean', 'null'] as const).map((type) => ({ type })),
] as const;

function schemaOf(shape: Record<string, z.ZodType>, pageSize: number | undefined): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(z.strictObject(shape), {
    io: 'input',
    unrepresentable: 'any',
    override: (context) => {
      const json = context.jsonSchema;
      anyJson(context as Parameters<typeof anyJson>[0]);
      const { override } = json; // the declarations have it for the OpenAPI document
      delete json['override'];
      if (typeof override === 'function') override(context);
      else Object.assign(json, override);
      if (json.format === 'date-time') delete json.pattern; // it is long, and says what the format says
      if (Object.keys(json).every((keyword) => keyword === 'description'))
        json.anyOf = ANY_JSON.map((schema) => ({ ...schema }));
    },
  });
  const properties = schema.properties ?? {};
  if (pageSize !== undefined) properties['limit'] = { ...(properties['limit'] as object), default: pageSize };
  return { ...schema, properties };
}

/** Arguments that the route does not know go to it too, and it refuses them by name. */
function requestOf(path: string, places: ReadonlyMap<string, Place>, given: Arguments, readOnly: boolean) {
  const parts = { path: {}, query: {}, header: {}, body: {} } as Record<Place['in'], Record<string, unknown>>;
  for (const [argument, value] of Object.entries(given)) {
    const place = places.get(argument) ?? { in: readOnly ? 'query' : 'body', name: argument };
    if (value !== undefined && (value !== null || place.in === 'body')) parts[place.in][place.name] = value;
  }
  const query = new URLSearchParams(
    Object.entries(parts.query).map(([name, value]): [string, string] => [name, textOf(value)]),
  );
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(textOf(parts.path[name] ?? '')));
  const headers = Object.fromEntries(Object.entries(parts.header).map(([name, value]) => [name, textOf(value)]));
  return {
    path: query.size > 0 ? `${filled}?${query}` : filled,
    headers,
    ...(readOnly ? {} : { body: JSON.stringify(parts.body) }),
  };
}

const textOf = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};
