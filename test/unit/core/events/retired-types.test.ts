import { describe, expect, it } from 'vitest';
import { type RetiredEvent, retireEvent } from '../../../../core/events/define.ts';
import { RetiredTypes } from '../../../../core/events/retired-types.ts';

const retired = (type: string, ...successors: string[]): RetiredEvent =>
  retireEvent({ type, version: 1, successors, succeed: (data) => ({ type: successors[0] ?? '', version: 1, data }) });
const types = () => new RetiredTypes((type) => ['c', 'd'].includes(type));

describe('retired types', () => {
  it('are found by the names of today through any number of renames and splits', () => {
    const known = types();
    known.register(retired('a', 'b'), retired('x', 'a', 'd'), retired('b', 'c'));
    expect([...known.storedTypesOf(['c'])].toSorted()).toEqual(['a', 'b', 'c', 'x']);
    expect([...known.storedTypesOf(['d'])].toSorted()).toEqual(['d', 'x']);
    expect([...known.storedTypesOf(['e'])]).toEqual(['e']);
    expect([...known.currentTypesOf('x')].toSorted()).toEqual(['c', 'd']);
    expect([...known.currentTypesOf('c')]).toEqual(['c']);
  });

  it('are forgotten when they are taken out again', () => {
    const known = types();
    const undo = known.register(retired('a', 'c'));
    expect(known.get('a')).toHaveProperty('type', 'a');
    undo();
    expect(known.get('a')).toBeUndefined();
    expect([...known.storedTypesOf(['c'])]).toEqual(['c']);
  });

  it.each([
    ['a type that is still written', [retired('c', 'd')], /c cannot be retired/],
    ['a type twice', [retired('a', 'c'), retired('a', 'd')], /a cannot be retired/],
    ['a successor that is not declared', [retired('a', 'b'), retired('b', 'c', 'e')], /b leads to e/],
    ['a circle', [retired('a', 'b'), retired('b', 'c', 'a')], /circle: a, b, a/],
  ])('refuse %s, and register nothing then', (_, events, message) => {
    const known = types();
    expect(() => known.register(...events)).toThrow(message);
    for (const { type } of events) expect(known.get(type)).toBeUndefined();
  });
});
