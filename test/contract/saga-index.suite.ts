import { describe, expect, it } from 'vitest';
import type { SagaIndex } from '../../core/sagas/index.ts';

/** The contract of an index of sagas. */
export function sagaIndexContract(name: string, create: () => Promise<SagaIndex>): void {
  describe(`saga index: ${name}`, () => {
    const entry = (sagaId: string, wakeAt?: string, ...parties: string[]) => ({ sagaId, wakeAt, parties });
    const [first, second, third] = [1, 2, 3].map((minute) => `2026-01-05T09:0${minute}:00.000Z`) as [
      string,
      string,
      string,
    ];

    it('finds the due sagas, the longest overdue first, and the next due time', async () => {
      const index = await create();
      expect(await index.nextWake()).toBeUndefined();
      for (const each of [entry('b', second), entry('c', third), entry('a', first), entry('d')]) await index.save(each);
      expect(await index.nextWake()).toBe(first);
      expect(await index.due(second, 10)).toEqual(['a', 'b']);
      expect(await index.due(third, 2)).toEqual(['a', 'b']);
      expect(await index.due('2026-01-05T08:59:00.000Z', 10)).toEqual([]);
    });

    it('replaces the entry of a saga', async () => {
      const index = await create();
      await index.save(entry('a', first, 'agent-1', 'agent-2'));
      await index.save(entry('a', second, 'agent-2'));
      expect(await index.due(third, 10)).toEqual(['a']);
      expect(await index.nextWake()).toBe(second);
      expect(await index.byParty('agent-1')).toEqual([]);
      await index.save(entry('a'));
      expect(await index.nextWake()).toBeUndefined();
      expect(await index.byParty('agent-2')).toEqual([]);
    });

    it('finds all sagas of a party', async () => {
      const index = await create();
      await index.save(entry('b', first, 'agent-1', 'agent-2'));
      await index.save(entry('a', first, 'agent-2', 'agent-2'));
      expect(await index.byParty('agent-2')).toEqual(['a', 'b']);
      expect(await index.byParty('agent-1')).toEqual(['b']);
    });

    it('postpones an existing saga, and keeps the other members of its entry', async () => {
      const index = await create();
      await index.save(entry('a', first, 'agent-1'));
      await index.postpone('a', third);
      await index.postpone('b', third);
      expect(await index.due(second, 10)).toEqual([]);
      expect(await index.due(third, 10)).toEqual(['a']);
      expect(await index.byParty('agent-1')).toEqual(['a']);
    });

    it('forgets a saga', async () => {
      const index = await create();
      await index.save(entry('a', first, 'agent-1'));
      await index.remove('a');
      await index.remove('never-there');
      expect(await index.due(third, 10)).toEqual([]);
      expect(await index.byParty('agent-1')).toEqual([]);
    });
  });
}
