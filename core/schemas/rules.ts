import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Issue, ValidationError } from '../base/errors.ts';
import { turn } from '../base/turns.ts';
import type { JsonObject } from '../events/json.ts';
import { patternOf } from './patterns.ts';
import { innerSchemas, isKeyword, isObject, referenced, type Schema } from './vocabulary.ts';

/** Most bytes of a schema as JSON. */
export const MAX_SCHEMA_BYTES = 32 * 1024;
/** Most schemas inside of a schema. They take 10 ms to compile, and nobody else gets a turn meanwhile. */
export const MAX_INNER_SCHEMAS = 200;
/** Most characters of a pattern. */
const MAX_PATTERN = 256;
/** Most instructions of all patterns of a schema. */
const MAX_PATTERN_SIZE = 2_000;

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const PREFIX = 'schema';

/** A schema inside of the schema under test. */
interface Found {
  readonly schema: Schema;
  readonly path: readonly (string | number)[];
}

/**
 * Whether a value is a JSON Schema (draft 2020-12) whose check always ends soon.
 * @throws ValidationError with the places that are wrong, under the name `schema`
 */
export async function assertSchema(value: JsonObject): Promise<void> {
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > MAX_SCHEMA_BYTES) refuse([], `takes ${bytes} bytes; the limit is ${MAX_SCHEMA_BYTES}`);
  const found = schemasIn(value);
  const issues = found.flatMap((one) => faultsOf(one, value));
  if (issues.length > 0) throw new ValidationError(issues);
  await assertMeta(value);
  assertNoCircle(found, value);
  await assertPatterns(found);
}

function refuse(path: readonly (string | number)[], message: string): never {
  throw new ValidationError([issue(path, message)]);
}

const issue = (path: readonly (string | number)[], message: string): Issue => ({
  path: [PREFIX, ...path].join('.'),
  message,
});

function schemasIn(document: JsonObject): Found[] {
  const found: Found[] = [{ schema: document, path: [] }];
  for (const { schema, path } of found) {
    if (!isObject(schema)) continue;
    for (const inner of innerSchemas(schema)) {
      const place = [...path, ...inner.path];
      if (typeof inner.schema !== 'boolean' && !isObject(inner.schema)) refuse(place, 'must be a schema');
      found.push({ schema: inner.schema, path: place }); // the loop goes on with it
    }
    if (found.length > MAX_INNER_SCHEMAS + 1) {
      refuse([], `has more than ${MAX_INNER_SCHEMAS} schemas inside of it`);
    }
  }
  return found;
}

function faultsOf({ schema, path }: Found, document: JsonObject): Issue[] {
  if (!isObject(schema)) return [];
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const message = faultOf(keyword, value, path.length === 0, document);
    return message === undefined ? [] : [issue([...path, keyword], message)];
  });
}

function faultOf(keyword: string, value: unknown, isRoot: boolean, document: JsonObject): string | undefined {
  if (!isKeyword(keyword)) return 'is not a keyword that is taken; names of notes begin with x-';
  if (keyword === '$schema' && value !== DRAFT) return `must be ${DRAFT}`;
  if (keyword === '$id' && !isRoot) return 'is taken only at the top';
  if (keyword === '$ref' && referenced(value, document) === undefined) {
    return 'must be # or #/$defs/<name>, a member of this schema: no other document is read';
  }
  return undefined;
}

const meta = new Ajv2020({ strict: false, logger: false, code: { optimize: false } });
/** The parts of the draft's schema. To compile each takes 8 ms at most. */
const PARTS = ['core', 'applicator', 'unevaluated', 'validation', 'meta-data', 'format-annotation', 'content'];

/** The draft's own schema for schemas says what is wrong with the value of a keyword. */
async function assertMeta(schema: JsonObject): Promise<void> {
  for (const part of PARTS) {
    await turn();
    meta.getSchema(`https://json-schema.org/draft/2020-12/meta/${part}`);
  }
  if (meta.validateSchema(schema)) return;
  const [first] = meta.errors ?? [];
  refuse(pointerNames(first?.instancePath), first?.message ?? 'is not a JSON Schema');
}

/** The names in a JSON pointer. */
export const pointerNames = (pointer = ''): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Keywords whose schemas are asked about the same value as the schema that they are in. */
const SAME_VALUE: ReadonlySet<string> = new Set([
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas'],
]);

/** A schema that asks itself about the same value never ends. */
function assertNoCircle(found: readonly Found[], document: JsonObject): void {
  const done = new Set<unknown>();
  const visit = (schema: unknown, on: ReadonlySet<unknown>): void => {
    if (!isObject(schema) || done.has(schema)) return;
    if (on.has(schema)) refuse([], 'refers to itself without going into the value, so that its check would not end');
    const path = new Set(on).add(schema);
    for (const inner of innerSchemas(schema)) if (SAME_VALUE.has(inner.keyword)) visit(inner.schema, path);
    if ('$ref' in schema) visit(referenced(schema['$ref'], document), path);
    done.add(schema);
  };
  for (const { schema } of found) visit(schema, new Set());
}

async function assertPatterns(found: readonly Found[]): Promise<void> {
  let size = 0;
  for (const { schema, path } of found) {
    for (const [place, source] of isObject(schema) ? patternsOf(schema) : []) {
      if (source.length > MAX_PATTERN) refuse([...path, place], `is longer than ${MAX_PATTERN} characters`);
      size += sizeOf(source, [...path, place]);
      if (size > MAX_PATTERN_SIZE) refuse([...path, place], 'is too complex, together with the other patterns');
      await turn();
    }
  }
}

function sizeOf(source: string, path: readonly (string | number)[]): number {
  try {
    return patternOf(source).size;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse(path, `is not a pattern that RE2 takes, which has no look-around and no back references: ${why}`);
  }
}

/** The regular expressions of a schema, each with its place. */
const patternsOf = ({ pattern, patternProperties }: JsonObject): [place: string, source: string][] => [
  ...(typeof pattern === 'string' ? [['pattern', pattern] as [string, string]] : []),
  ...Object.keys(isObject(patternProperties) ? patternProperties : {}).map((source): [string, string] => [
    'patternProperties',
    source,
  ]),
];
