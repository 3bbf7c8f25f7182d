import { describe, expect, it } from 'vitest';
import { type RetiredEvent, retireEvent } from '../../../../core/events/define.ts';
import { RetiredTypes } from '../../../../core/events/retired-types.ts';

const retired = (type: string, ...successors: string[]): RetiredEvent =>
  retireEvent({ type, version: 1, successors, succeed: (data) => ({ type: successors[0] ?? '', version: 1, data }) });
const types = (...events: RetiredEvent[]) => new RetiredTypes((type) => ['c', 'd'].includes(type), events);

describe('retired types', () => {
  it('are found by the names of today through any number of renames and splits', () => {
    const known = types(retired('a', 'b'), retired('x', 'a', 'd'), retired('b', 'c'));
    expect([...known.storedTypesOf(['c'])].toSorted()).toEqual(['a', 'b', 'c', 'x']);
    expect([...known.storedTypesOf(['d'])].toSorted()).toEqual(['d', 'x']);
    expect([...known.storedTypesOf(['e'])]).toEqual(['e']);
    expect([...known.currentTypesOf('x')].toSorted()).toEqual(['c', 'd']);
    expect([...known.currentTypesOf('c')]).toEqual(['c']);
  });

  it('are found by their names', () => {
    const known = types(retired('a', 'c'));
    expect(known.get('a')).toHaveProperty('type', 'a');
    expect(known.get('c')).toBeUndefined();
  });

  it.each([
    ['a type that is still written', [retired('c', 'd')], /c cannot be retired/],
    ['a type twice', [retired('a', 'c'), retired('a', 'd')], /a cannot be retired/],
    ['a successor that is not declared', [retired('a', 'b'), retired('b', 'c', 'e')], /b leads to e/],
    ['a circle', [retired('a', 'b'), retired('b', 'c', 'a')], /circle: a, b, a/],
  ])('refuse %s', (_, events, message) => {
    expect(() => types(...events)).toThrow(message);
  });
});
