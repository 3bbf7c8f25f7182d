import { describe, expect, it } from 'vitest';
import { findJsonFault, json, jsonObject } from '../../../../core/events/json.ts';

class Account {
  readonly balance = 1;
}

const cycle: unknown[] = [];
cycle.push(cycle);

const strangers = [
  ['a function', () => 1, 'is of type function, which JSON cannot carry'],
  ['a symbol', Symbol('s'), 'is of type symbol, which JSON cannot carry'],
  ['a bigint', 1n, 'is of type bigint, which JSON cannot carry'],
  ['NaN', Number.NaN, 'is NaN, which JSON cannot carry'],
  ['Infinity', Number.POSITIVE_INFINITY, 'is Infinity, which JSON cannot carry'],
  ['a date', new Date(0), 'is an instance of Date, which JSON cannot carry'],
  ['a map', new Map([['a', 1]]), 'is an instance of Map, which JSON cannot carry'],
  ['bytes', new Uint8Array(1), 'is an instance of Uint8Array, which JSON cannot carry'],
  ['an instance of a class', new Account(), 'is an instance of Account, which JSON cannot carry'],
] as const;

describe('what JSON cannot carry', () => {
  it.each(strangers)('names the place of %s, and the schema refuses it', (_, stranger, message) => {
    const value = { list: [1, { deep: stranger }], after: 1 };
    expect(findJsonFault(value)).toEqual({ path: ['list', 1, 'deep'], message });
    expect(json.safeParse(value).success).toBe(false);
    expect(jsonObject.safeParse(value).error?.issues).toMatchObject([{ path: ['list'] }]);
  });

  it('refuses undefined: in a list, in a hole of a list, as a member, and alone', () => {
    expect(findJsonFault({ list: [1, undefined] })).toMatchObject({ path: ['list', 1] });
    expect(findJsonFault({ list: new Array(2) })).toMatchObject({ path: ['list', 0] });
    for (const value of [[undefined], new Array(2), { deep: { a: undefined } }, undefined]) {
      expect(json.safeParse(value).success).toBe(false);
    }
  });

  it('leaves undefined members to the schemas, which may have optional members', () => {
    expect(findJsonFault({ id: undefined })).toBeUndefined();
  });

  it('finds the end of a cycle', () => {
    expect(findJsonFault(cycle)?.message).toBe('is nested deeper than 32 levels');
  });
});

describe('any JSON value', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  it.each([[null], [true], [0], [''], ['x'], [[]], [{}], [[[1, { a: [null] }]]], [bare]])(
    'takes %j as it is, without a copy',
    (value) => {
      expect(findJsonFault(value)).toBeUndefined();
      expect(json.parse(value)).toBe(value);
      expect(jsonObject.parse({ value })['value']).toBe(value);
    },
  );

  it('names the first fault of a value in the order of its text', () => {
    expect(findJsonFault({ a: { b: '\ud800' }, c: ['\ud800'] })).toMatchObject({ path: ['a', 'b'] });
    expect(findJsonFault({ a: {}, b: [], c: { 'd\ud800': 1 } })).toMatchObject({ path: ['c'] });
  });

  it('says how deep a value may be', () => {
    expect(findJsonFault([[[]]], 2)).toEqual({ path: [0, 0], message: 'is nested deeper than 2 levels' });
  });
});
