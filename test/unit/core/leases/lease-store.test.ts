import { expect, it } from 'vitest';
import { LeaseStore } from '../../../../core/leases/lease-store.ts';
import { MemoryControlStore } from '../../../support/memory-control.ts';

it('a worker is counted with as many leases as its limit, each once', async () => {
  const items = new LeaseStore(new MemoryControlStore());
  const [one, two] = ['1', '2'].map((id) => ({ id, slot: 'slot-1', fencing: 1 }));
  if (!one || !two) throw new Error('two places are needed');
  expect(await Promise.all([items.hold('w', one, 1), items.hold('w', two, 1)])).toEqual([true, false]);
  expect(await items.hold('w', one, 1)).toBe(true);
  expect(await items.held('w')).toEqual([one]);
  await items.release('w', one);
  expect(await items.hold('w', two, 1)).toBe(true);
});
