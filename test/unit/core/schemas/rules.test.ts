import { describe, expect, it } from 'vitest';
import { ValidationError } from '../../../../core/base/errors.ts';
import type { JsonObject } from '../../../../core/events/json.ts';
import { assertSchema, MAX_INNER_SCHEMAS } from '../../../../core/schemas/rules.ts';

const issuesOf = async (schema: JsonObject) => {
  try {
    await assertSchema(schema);
    return [];
  } catch (error) {
    if (error instanceof ValidationError) return error.issues;
    throw error;
  }
};

const properties = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'string' }]));
const inA = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { a: schema } });
/** Each definition asks the next twice: 2 to the power of 30 questions. */
const doubling: JsonObject = {
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: 30 }, (_, index) => {
      const next = { $ref: `#/$defs/d${index + 1}` };
      return [`d${index}`, index < 29 ? { allOf: [next, next] } : { type: 'object' }];
    }),
  ),
};

/** As pydantic writes the schema of a model. */
const pydantic: JsonObject = {
  $defs: {
    Item: {
      properties: { sku: { title: 'Sku', type: 'string' }, n: { exclusiveMinimum: 0, title: 'N', type: 'integer' } },
      required: ['sku', 'n'],
      title: 'Item',
      type: 'object',
    },
  },
  properties: {
    items: { items: { $ref: '#/$defs/Item' }, title: 'Items', type: 'array' },
    at: { format: 'date-time', title: 'At', type: 'string' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null, title: 'Note' },
    kind: { discriminator: { propertyName: 'k', mapping: {} }, oneOf: [{ $ref: '#/$defs/Item' }] },
  },
  required: ['items'],
  title: 'Order',
  type: 'object',
};

describe('a schema is taken', () => {
  it.each<[string, JsonObject]>([
    ['that takes everything', {}],
    ['of pydantic', pydantic],
    [
      'with its draft and a name',
      { $schema: 'https://json-schema.org/draft/2020-12/schema', $id: 'https://x.example/a' },
    ],
    ['with notes', { 'x-owner': 'billing', type: 'object' }],
    ['that refers to itself, further inside', inA({ $ref: '#' })],
    ['with older definitions', { $ref: '#/definitions/a', definitions: { a: { type: 'object' } } }],
    [
      'with names of the prototype',
      { properties: { constructor: { type: 'integer' }, toString: {}, hasOwnProperty: {} } },
    ],
    ['in any script', inA({ enum: ['größer', '✓', '订单'], pattern: '^\\p{L}+$' })],
    [
      'at the edges of numbers',
      inA({ minimum: -1.7976931348623157e308, maximum: 1.7976931348623157e308, multipleOf: 5e-324 }),
    ],
    ['with a pattern that takes other engines forever', inA({ pattern: '^(a+)+$' })],
    ['with a named group and escapes of JavaScript', inA({ pattern: '(?<year>\\d{4})-\\u0041\\/' })],
    ['with questions that double', doubling],
    [`with ${MAX_INNER_SCHEMAS} schemas inside`, { properties: properties(MAX_INNER_SCHEMAS) }],
  ])('%s', async (_, schema) => {
    expect(await issuesOf(schema)).toEqual([]);
  });
});

describe('a schema is refused', () => {
  it.each<[string, JsonObject, path: string, message: RegExp]>([
    ['with an unknown type', inA({ type: 'strnig' }), 'schema.properties.a.type', /allowed values/],
    ['with a wrong list', { required: [1] }, 'schema.required.0', /must be string/],
    ['with a negative length', inA({ maxLength: -1 }), 'schema.properties.a.maxLength', /must be >= 0/],
    ['with a misspelt keyword', { requierd: ['a'] }, 'schema.requierd', /not a keyword/],
    ['with a keyword of older drafts', { dependencies: {} }, 'schema.dependencies', /not a keyword/],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, 'schema.$schema', /2020-12/],
    ['with a number as a schema', { properties: { a: 1 } }, 'schema.properties.a', /must be a schema/],
    ['with null as a schema', { not: null }, 'schema.not', /must be a schema/],
    [
      'that reads from the network',
      inA({ $ref: 'https://evil.example/a.json' }),
      'schema.properties.a.$ref',
      /no other/,
    ],
    ['that reads a file', inA({ $ref: 'file:///etc/passwd' }), 'schema.properties.a.$ref', /no other/],
    ['that refers to nothing', { $ref: '#/$defs/none' }, 'schema.$ref', /must be #/],
    [
      'that refers to a member of the prototype',
      { $ref: '#/$defs/constructor', $defs: {} },
      'schema.$ref',
      /must be #/,
    ],
    ['with a name inside', inA({ $id: 'https://x.example/b' }), 'schema.properties.a.$id', /only at the top/],
    ['with references that move', { $dynamicRef: '#a' }, 'schema.$dynamicRef', /not a keyword/],
    ['that asks itself', { $ref: '#' }, 'schema', /would not end/],
    [
      'that asks itself in a circle',
      { allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { not: { $ref: '#' } } } },
      'schema',
      /end/,
    ],
    ['with 10,000 properties', { properties: properties(10_000) }, 'schema', /bytes; the limit is 32768/],
    ['with one schema too many', { properties: properties(MAX_INNER_SCHEMAS + 1) }, 'schema', /more than 200/],
    ['with a look-ahead', inA({ pattern: '(?=a)b' }), 'schema.properties.a.pattern', /RE2/],
    ['with a back reference', inA({ pattern: '(a)\\1' }), 'schema.properties.a.pattern', /RE2/],
    ['with a pattern of no language', inA({ pattern: '(' }), 'schema.properties.a.pattern', /RE2/],
    ['with a long pattern', inA({ pattern: 'a'.repeat(257) }), 'schema.properties.a.pattern', /256/],
    [
      'with a pattern of many states',
      inA({ pattern: '([a-z]{1,100}){1,10}z' }),
      'schema.properties.a.pattern',
      /complex|RE2/,
    ],
    ['with a bad pattern for names', { patternProperties: { '(?!x)': {} } }, 'schema.patternProperties', /RE2/],
  ])('%s', async (_, schema, path, message) => {
    const [first] = await issuesOf(schema);
    expect(first).toEqual({ path, message: expect.stringMatching(message) });
  });
});
