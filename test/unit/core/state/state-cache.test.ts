import { describe, expect, it } from 'vitest';
import { heapSizeOf } from '../../../../core/base/heap-size.ts';
import type { Fold } from '../../../../core/state/fold.ts';
import { StateCache } from '../../../../core/state/state-cache.ts';

const fold: Fold<object> = {
  name: 'f',
  aggregateType: 'agent',
  initialState: {},
  evolve: (state) => state,
};
const none = new Set<string>();

describe('the cache of states', () => {
  it('is bounded in bytes: a few large states take the room of many small ones', () => {
    const cache = new StateCache(100_000);
    for (let n = 0; n < 1_000; n++) cache.set(fold, `small-${n}`, { state: { n }, version: 1, commitIds: none });
    const kept = () => Array.from({ length: 1_000 }, (_, n) => cache.get(fold, `small-${n}`)).filter(Boolean).length;
    expect(kept()).toBeGreaterThan(100);
    expect(kept()).toBeLessThan(100_000 / 256);
    for (let n = 0; n < 10; n++) {
      cache.set(fold, `large-${n}`, { state: { text: 'x'.repeat(20_000) }, version: 1, commitIds: none });
    }
    expect(kept()).toBe(0);
    expect(cache.get(fold, 'large-9')).toBeDefined();
    expect(cache.get(fold, 'large-5')).toBeUndefined();
  });

  it('counts the ids of commits, and forgets what one state alone is too large for', () => {
    const cache = new StateCache(200_000);
    const kept = () => ['a', 'b', 'c', 'd'].filter((stream) => cache.get(fold, stream));
    const ids = new Set(Array.from({ length: 1_000 }, (_, n) => `an-idempotency-key-of-a-caller-${n}`)); // over 70 KB
    for (const stream of ['a', 'b', 'c']) cache.set(fold, stream, { state: {}, version: 1, commitIds: ids });
    expect(kept()).not.toContain('a');
    expect(kept()).toContain('c');
    cache.set(fold, 'd', { state: { text: 'x'.repeat(1_000_000) }, version: 1, commitIds: none });
    expect(kept()).toEqual([]);
  });

  it('forgets a state that another takes the place of', () => {
    const cache = new StateCache(2_000);
    for (let version = 1; version < 100; version++)
      cache.set(fold, 'a', { state: { version }, version, commitIds: none });
    cache.set(fold, 'b', { state: {}, version: 1, commitIds: none });
    expect(cache.get(fold, 'a')?.version).toBe(99);
    expect(cache.get(fold, 'b')).toBeDefined();
  });
});

describe('the size of a value in memory, by estimate', () => {
  const members = 100_000;
  it.each([
    ['an array', Array.from({ length: members }, (_, n) => `member-${n}`)],
    ['a set', new Set(Array.from({ length: members }, (_, n) => `member-${n}`))],
    ['a map', new Map(Array.from({ length: members }, (_, n) => [`member-${n}`, n]))],
  ])('looks at 64 members of %s and is of the right order', (_, value) => {
    let looked = 0;
    const counted = new Proxy(value, {
      get: (target, name) => {
        if (typeof name === 'string' && /^\d+$/.test(name)) looked += 1;
        const member = Reflect.get(target, name);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const bytes = heapSizeOf(Array.isArray(value) ? counted : value);
    expect(looked).toBeLessThanOrEqual(64);
    expect(bytes / members).toBeGreaterThan(30);
    expect(bytes / members).toBeLessThan(120);
  });
});
