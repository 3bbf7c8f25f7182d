import { describe, expect, it } from 'vitest';
import type { SagaTasks } from '../../core/sagas/tasks.ts';

/** What every keeper of outstanding answers has to keep. */
export function sagaTasksContract(name: string, create: () => Promise<SagaTasks>): void {
  describe(`saga tasks on ${name}`, () => {
    const task = (sagaId: string, item: string, token: string, party?: string) => ({
      ...{ sagaId, step: 'assign', item, token, deadline: '2026-01-05T09:01:00.000Z' },
      ...(party === undefined ? {} : { party }),
    });

    it('gives back what a saga waits for', async () => {
      const tasks = await create();
      await tasks.put(task('s:1', 'a', 'token-1', 'agent-a'));
      await tasks.put(task('s:1', 'b', 'token-2'));
      await tasks.put(task('s:10', 'a', 'token-3'));
      expect(await tasks.ofSaga('s:1')).toEqual([task('s:1', 'a', 'token-1', 'agent-a'), task('s:1', 'b', 'token-2')]);
      expect(await tasks.ofSaga('s:2')).toEqual([]);
    });

    it('finds all sagas that wait for someone, each once', async () => {
      const tasks = await create();
      await tasks.put(task('s:1', 'a', 'token-1', 'agent-a'));
      await tasks.put(task('s:1', 'a:2', 'token-2', 'agent-a'));
      await tasks.put(task('s:2', 'a', 'token-3', 'agent-a'));
      await tasks.put(task('s:3', 'b', 'token-4', 'agent-b'));
      expect((await tasks.waitingFor('agent-a')).toSorted()).toEqual(['s:1', 's:2']);
      expect(await tasks.waitingFor('agent-c')).toEqual([]);
    });

    it('has the newest token of an item, and forgets no newer one than it was told to', async () => {
      const tasks = await create();
      const [old, newer] = [task('s:1', 'a', 'token-1', 'agent-a'), task('s:1', 'a', 'token-2', 'agent-a')];
      await tasks.put(old);
      await tasks.put(newer);
      await tasks.remove(old);
      expect(await tasks.ofSaga('s:1')).toEqual([newer]);
      expect(await tasks.waitingFor('agent-a')).toEqual(['s:1']);
      await tasks.remove(newer);
      await tasks.remove(newer);
      expect(await tasks.ofSaga('s:1')).toEqual([]);
      expect(await tasks.waitingFor('agent-a')).toEqual([]);
    });
  });
}
