import type { JsonObject } from '../events/json.ts';

/** A JSON Schema, or `true` for any value, or `false` for none. */
export type Schema = boolean | JsonObject;

/** Keywords with one schema. */
const ONE = [
  ...['additionalProperties', 'unevaluatedProperties', 'propertyNames', 'items', 'unevaluatedItems', 'contains'],
  ...['not', 'if', 'then', 'else'],
] as const;
/** Keywords with a list of schemas. */
const LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems'] as const;
/** Keywords with schemas by name. */
const NAMED = ['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'] as const;

/** Keywords that restrict a value without a schema of their own. */
const ASSERTIONS = [
  ...['$ref', 'type', 'enum', 'const', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum'],
  ...['maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems', 'maxContains', 'minContains'],
  ...['maxProperties', 'minProperties', 'required', 'dependentRequired'],
] as const;

/** Keywords that restrict nothing. The draft says of `format` and `content…` that they only describe. */
const ANNOTATIONS = [
  ...['$schema', '$id', '$comment', 'title', 'description', 'default', 'examples', 'deprecated', 'readOnly'],
  ...['writeOnly', 'format', 'contentEncoding', 'contentMediaType', 'contentSchema', 'discriminator'],
] as const;

const annotations: ReadonlySet<string> = new Set(ANNOTATIONS);
const known: ReadonlySet<string> = new Set([...ONE, ...LISTS, ...NAMED, ...ASSERTIONS, ...ANNOTATIONS]);

/** Whether a keyword only describes. Names from `x-` on are notes of the author. */
export const isAnnotation = (keyword: string): boolean => annotations.has(keyword) || keyword.startsWith('x-');

/** Whether a keyword is taken. */
export const isKeyword = (keyword: string): boolean => known.has(keyword) || isAnnotation(keyword);

/** A schema inside of another, and its path there. */
export interface Inner {
  readonly keyword: string;
  readonly path: readonly (string | number)[];
  readonly schema: unknown;
}

/** The schemas directly inside of a schema, whatever they are. */
export function innerSchemas(schema: JsonObject): Inner[] {
  return Object.entries(schema).flatMap(([keyword, value]): Inner[] => {
    if (isOneOf(ONE, keyword)) return [{ keyword, path: [keyword], schema: value }];
    if (isOneOf(LISTS, keyword) && Array.isArray(value)) {
      return value.map((inner, index) => ({ keyword, path: [keyword, index], schema: inner }));
    }
    if (!isOneOf(NAMED, keyword) || !isObject(value)) return [];
    return Object.entries(value).map(([name, inner]) => ({ keyword, path: [keyword, name], schema: inner }));
  });
}

const isOneOf = (keywords: readonly string[], keyword: string) => keywords.includes(keyword);

/** Whether a value is a JSON object. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const REFERENCE = /^#(?:\/(\$defs|definitions)\/([A-Za-z0-9._-]+))?$/;

/** The schema that a `$ref` names in its document: `#`, or a member of the document's `$defs`. Undefined for any other. */
export function referenced(reference: unknown, document: JsonObject): unknown {
  const [whole, group, name] = typeof reference === 'string' ? (REFERENCE.exec(reference) ?? []) : [];
  if (whole === undefined) return undefined;
  if (group === undefined || name === undefined) return document;
  const definitions = document[group];
  return isObject(definitions) && Object.hasOwn(definitions, name) ? definitions[name] : undefined;
}
