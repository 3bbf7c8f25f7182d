import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/events/json.ts';
import { isSameSchema, narrowings } from '../../../../core/schemas/compatibility.ts';

const of = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more });
const a = (schema: JsonObject | boolean, more: JsonObject = {}) => of({ a: schema }, more);
const text: JsonObject = { type: 'string' };
const nothing: JsonObject = { type: 'null' };
const refersTo = (name: string, schema: JsonObject) => a({ $ref: `#/$defs/${name}` }, { $defs: { [name]: schema } });
/** A tree whose nodes are restricted by `more`. */
const tree = (more: JsonObject): JsonObject =>
  refersTo('t', of({ children: { type: 'array', items: { $ref: '#/$defs/t' }, ...more } }));

describe('a schema that takes all that the one before took', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['is the same', a(text), a(text)],
    ['has a new optional property', a(text), of({ a: text, b: text })],
    ['asks for less', a({}, { required: ['a'] }), a({})],
    ['takes any number instead of whole numbers', a({ type: 'integer' }), a({ type: 'number' })],
    ['has more types', a(text), a({ type: ['string', 'null'] })],
    ['has more values', a({ enum: ['x'] }), a({ enum: ['x', 'y'] })],
    ['lists a constant', a({ const: 'x' }), a({ enum: ['x', 'y'] })],
    ['has a type instead of values of this type', a({ enum: ['x'] }), a(text)],
    ['is open', a({}, { additionalProperties: false }), a({})],
    ['is open for a property that is gone', of({ a: text, b: text }), a(text)],
    ['takes null, too', a(text), a({ anyOf: [text, nothing] })],
    ['joins alternatives', a({ anyOf: [text, nothing] }), a({ type: ['string', 'null'] })],
    ['has more alternatives', a({ oneOf: [{ const: 1 }] }), a({ oneOf: [{ const: 1 }, { const: 2 }] })],
    ['refers to a wider schema', refersTo('x', { ...text, maxLength: 5 }), refersTo('y', { ...text, maxLength: 9 })],
    ['says itself what the older referred to', refersTo('x', text), a(text)],
    ['refers to what the older said', a(text), refersTo('x', { type: ['string', 'null'] })],
    ['refers to itself', tree({ maxItems: 3 }), tree({})],
    ['has no pattern any more', a({ ...text, pattern: 'x' }), a(text)],
    ['has a bound that forbids nothing', a(text), a({ ...text, minLength: 0 })],
    ['says that data is an object', { properties: { a: {} } }, a({})],
    ['takes a property that was forbidden', a(false), a(text)],
  ])('%s', (_, older, newer) => {
    expect(narrowings(older, newer, 'schema')).toEqual([]);
  });
});

describe('a schema takes less than the one before when it', () => {
  it.each<[string, JsonObject, JsonObject, path: string]>([
    ['asks for a new property', a({}), of({ a: {}, b: {} }, { required: ['b'] }), 'schema.required'],
    ['asks for an optional property', a({}), a({}, { required: ['a'] }), 'schema.required'],
    ['takes whole numbers only', a({ type: 'number' }), a({ type: 'integer' }), 'schema.properties.a.type'],
    ['has a type less', a({ type: ['string', 'null'] }), a(text), 'schema.properties.a.type'],
    ['has a type where there was none', a({}), a(text), 'schema.properties.a.type'],
    ['has a value less', a({ enum: ['x', 'y'] }), a({ enum: ['x'] }), 'schema.properties.a.enum'],
    ['lists values', a(text), a({ ...text, enum: ['x'] }), 'schema.properties.a.enum'],
    ['is closed', a({}), a({}, { additionalProperties: false }), 'schema.additionalProperties'],
    [
      'is closed and lacks a property',
      of({ a: {}, b: {} }, { additionalProperties: false }),
      a({}, { additionalProperties: false }),
      'schema.properties.b',
    ],
    ['forbids a property', a({}), a(false), 'schema.properties.a'],
    ['has a higher minimum', a({ minimum: 0 }), a({ minimum: 1 }), 'schema.properties.a.minimum'],
    ['has a new maximum', a(text), a({ ...text, maxLength: 9 }), 'schema.properties.a.maxLength'],
    ['has an alternative less', a({ anyOf: [text, nothing] }), a({ anyOf: [text] }), 'schema.properties.a.anyOf'],
    ['has another rule for all', a(text), a({ ...text, allOf: [{ maxLength: 3 }] }), 'schema.properties.a.allOf.0'],
    [
      'refers to a narrower schema',
      refersTo('x', text),
      refersTo('x', { ...text, maxLength: 5 }),
      'schema.properties.a.maxLength',
    ],
    [
      'is narrower somewhere in a tree',
      tree({}),
      tree({ maxItems: 3 }),
      'schema.properties.a.properties.children.maxItems',
    ],
    ['has a pattern', a(text), a({ ...text, pattern: 'x' }), 'schema.properties.a.pattern'],
    [
      'excludes what another schema says',
      a({ not: { $ref: '#/$defs/x' } }, { $defs: { x: { const: 1 } } }),
      a({ not: { $ref: '#/$defs/x' } }, { $defs: { x: { enum: [1, 2] } } }),
      'schema.properties.a.not',
    ],
    [
      'is closed over other parts',
      { allOf: [a({})], unevaluatedProperties: false },
      { allOf: [of({ b: {} })], unevaluatedProperties: false },
      'schema.allOf',
    ],
    [
      'types a property that others were checked as',
      of({}, { additionalProperties: { type: 'number' } }),
      a(text, { additionalProperties: { type: 'number' } }),
      'schema.properties.a.type',
    ],
  ])('%s', (_, older, newer, path) => {
    expect(narrowings(older, newer, 'schema').map((issue) => issue.path)).toContain(path);
  });

  it('is too complex to be compared', () => {
    const values = (n: number) => ({ anyOf: Array.from({ length: 10 }, (_, k) => ({ const: n * 100 + k })) });
    const older = a({ anyOf: Array.from({ length: 18 }, (_, n) => values(n)) });
    expect(narrowings(older, older, 'schema')).not.toEqual([]);
  });
});

it('two schemas are the same in any order of their members', () => {
  expect(isSameSchema({ type: 'object', required: ['a'] }, { required: ['a'], type: 'object' })).toBe(true);
  expect(isSameSchema({ required: ['a', 'b'] }, { required: ['b', 'a'] })).toBe(false);
});
