import * as devalue from 'devalue';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withEntry } from '../../../../core/state/growing-map.ts';

const put = fc.record({ on: fc.nat(), key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.nat(9) });

it('every version of a growing map is what a copied map would be, in a line and in branches', () => {
  fc.assert(
    fc.property(fc.array(put, { maxLength: 40 }), (puts) => {
      const versions = [{ copied: new Map<string, number>(), grown: new Map() as ReadonlyMap<string, number> }];
      for (const { on, key, value } of puts) {
        const { copied, grown } = versions[on % versions.length] ?? { copied: new Map(), grown: new Map() };
        versions.push({ copied: new Map([...copied, [key, value]]), grown: withEntry(grown, key, value) });
      }
      for (const { copied, grown } of versions) {
        const entries = [...grown].sort();
        expect(entries).toEqual([...copied].sort());
        expect(grown.size).toBe(copied.size);
        expect(entries).toEqual([...grown.keys()].map((key) => [key, grown.get(key)]).sort());
        expect([...grown.values()].sort()).toEqual([...copied.values()].sort());
        for (const key of ['a', 'b', 'c', 'd']) expect(grown.has(key)).toBe(copied.has(key));
        expect(devalue.parse(devalue.stringify(grown))).toEqual(new Map(grown));
        const visited: unknown[] = [];
        grown.forEach((value, key) => {
          visited.push([key, value]);
        });
        expect(visited).toEqual([...grown]);
      }
    }),
  );
});

it('a growing map does not change', () => {
  const map = withEntry(new Map(), 'a', 1) as Map<string, number>;
  expect(() => map.set('b', 2)).toThrow(/withEntry/);
  expect(() => map.delete('a')).toThrow(/withEntry/);
  expect(() => map.clear()).toThrow(/withEntry/);
  expect([...map]).toEqual([['a', 1]]);
});
