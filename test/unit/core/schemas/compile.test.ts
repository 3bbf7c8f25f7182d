import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../../core/events/json.ts';
import { compileSchema } from '../../../../core/schemas/compile.ts';

const inA = (schema: JsonObject): JsonObject => ({ type: 'object', properties: { a: schema } });
const faultOf = (schema: JsonObject, data: Json) => compileSchema(schema)(data)[0];
const TOO_LARGE = { path: '', message: 'is too large to be checked by the schema of its type' };

describe('data that breaks a schema', () => {
  it.each<[string, JsonObject, Json, path: string, message: RegExp]>([
    ['a type', inA({ type: 'integer' }), { a: 'x' }, 'a', /must be integer/],
    ['a required member', { required: ['a'] }, {}, '', /required property 'a'/],
    ['a closed object', { additionalProperties: false }, { b: 1 }, '', /additional properties: b/],
    [
      'a closed combination',
      { allOf: [inA({})], unevaluatedProperties: false },
      { a: 1, b: 2 },
      '',
      /unevaluated properties: b/,
    ],
    ['a list of values', inA({ enum: ['x', 1] }), { a: 2 }, 'a', /allowed values: \["x",1\]/],
    ['a pattern', inA({ pattern: '^a+$' }), { a: 'ab' }, 'a', /pattern/],
    [
      'unique items',
      inA({ uniqueItems: true }),
      {
        a: [
          { x: 1, y: 2 },
          { y: 2, x: 1 },
        ],
      },
      'a',
      /twice/,
    ],
    [
      'a schema that it refers to',
      { ...inA({ items: { $ref: '#/$defs/n' } }), $defs: { n: { minimum: 0 } } },
      { a: [1, -1] },
      'a.1',
      />= 0/,
    ],
    ['a required name of the prototype', { required: ['constructor'] }, {}, '', /'constructor'/],
    ['a name with a slash', { properties: { 'a/b~c': { type: 'null' } } }, { 'a/b~c': 1 }, 'a/b~c', /null/],
  ])('is refused by %s', (_, schema, data, path, message) => {
    expect(faultOf(schema, data)).toEqual({ path, message: expect.stringMatching(message) });
  });

  it('is let through where the draft only describes', () => {
    expect(faultOf(inA({ format: 'date-time', contentEncoding: 'base64' }), { a: 'no date' })).toBeUndefined();
    expect(faultOf({ properties: { constructor: { type: 'integer' } } }, {})).toBeUndefined();
    expect(faultOf(inA({ const: 1 }), { a: 1.0 })).toBeUndefined();
    expect(faultOf(inA({ multipleOf: 0.1 }), { a: 0.3 })).toBeUndefined(); // 0.3 / 0.1 is 2.9999999999999996
  });
});

/** Objects inside of each other. */
const nested = (depth: number): Json => (depth === 0 ? {} : { a: nested(depth - 1) });
const twice = (next: string): JsonObject => ({ allOf: [{ $ref: next }, { $ref: next }] });

describe('a check that would take long ends, and refuses', () => {
  it.each<[string, JsonObject, Json]>([
    [
      'questions that double with each reference',
      {
        $ref: '#/$defs/0',
        $defs: Object.fromEntries(Array.from({ length: 30 }, (_, n) => [n, n < 29 ? twice(`#/$defs/${n + 1}`) : {}])),
      },
      {},
    ],
    ['questions that double with each level', { allOf: [inA({ $ref: '#' }), inA({ $ref: '#' })] }, nested(30)],
    [
      'many rules for a large text',
      inA({ allOf: Array.from({ length: 150 }, (_, n) => ({ maxLength: 1e6 + n })) }),
      { a: 'x'.repeat(900_000) },
    ],
    [
      'many values for many items',
      inA({ items: { enum: Array.from({ length: 3_000 }, (_, n) => `v${n}`) } }),
      { a: Array(50_000).fill('v2999') },
    ],
    [
      'many items that are compared with each other',
      inA({ uniqueItems: true }),
      { a: Array.from({ length: 90_000 }, (_, n) => n) },
    ],
    ['a pattern and a large text', inA({ pattern: '[\\s\\S]*?(.*)(.*)(.*)(.*)\\d' }), { a: 'x'.repeat(1_000_000) }],
    [
      'many patterns for many names',
      { patternProperties: Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`^x${n}$`, true])) },
      Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, 1])),
    ],
  ])('%s', (_, schema, data) => {
    expect(faultOf(schema, data)).toEqual(TOO_LARGE);
  });

  it('a pattern that takes other engines forever takes as long as its text', () => {
    const check = compileSchema(inA({ pattern: '^(a+)+$' }));
    expect(check({ a: `${'a'.repeat(50_000)}b` })).toMatchObject([{ path: 'a' }]);
    expect(check({ a: 'a'.repeat(50_000) })).toEqual([]);
  });

  it('and usual data of 90,000 values is checked', () => {
    const point = { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' } }, required: ['x'] };
    const check = compileSchema(inA({ type: 'array', items: point }));
    expect(check({ a: Array(30_000).fill({ x: 1, y: 2 }) })).toEqual([]);
  });
});
