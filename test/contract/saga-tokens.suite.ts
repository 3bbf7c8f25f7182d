import { describe, expect, it } from 'vitest';
import type { SagaTokens } from '../../core/sagas/tokens.ts';

/** The contract of a store of tokens for outstanding answers. */
export function sagaTokensContract(name: string, create: () => Promise<SagaTokens>): void {
  describe(`saga tokens on ${name}`, () => {
    const tokenOf = (sagaId: string, item: string, token: string, ...parties: string[]) => ({
      ...{ sagaId, step: 'assign', item, token, deadline: '2026-01-05T09:01:00.000Z', parties },
    });

    it('returns the tokens for which a saga waits', async () => {
      const tokens = await create();
      await tokens.put(tokenOf('s:1', 'a', 'token-1', 'agent-a'));
      await tokens.put(tokenOf('s:1', 'b', 'token-2'));
      await tokens.put(tokenOf('s:10', 'a', 'token-3'));
      expect(await tokens.ofSaga('s:1')).toEqual([
        tokenOf('s:1', 'a', 'token-1', 'agent-a'),
        tokenOf('s:1', 'b', 'token-2'),
      ]);
      expect(await tokens.ofSaga('s:2')).toEqual([]);
      expect(await tokens.find('s:1', 'assign', 'b')).toEqual(tokenOf('s:1', 'b', 'token-2'));
      for (const [sagaId, step] of [
        ['s:1', 'other'],
        ['s:2', 'assign'],
      ] as const) {
        expect(await tokens.find(sagaId, step, 'b')).toBeUndefined();
      }
    });

    it('finds all sagas that wait for a party, each once', async () => {
      const tokens = await create();
      await tokens.put(tokenOf('s:1', 'a', 'token-1', 'agent-a'));
      await tokens.put(tokenOf('s:1', 'a:2', 'token-2', 'agent-a'));
      await tokens.put(tokenOf('s:2', 'a', 'token-3', 'agent-a'));
      await tokens.put(tokenOf('s:3', 'b', 'token-4', 'agent-b'));
      expect((await tokens.waitingFor('agent-a')).toSorted()).toEqual(['s:1', 's:2']);
      expect(await tokens.waitingFor('agent-c')).toEqual([]);
    });

    it('finds a saga by each party of an item, until the token is removed', async () => {
      const tokens = await create();
      const token = tokenOf('s:1', 'a', 'token-1', 'agent-a', 'budget-b');
      await tokens.put(token);
      for (const party of ['agent-a', 'budget-b']) expect(await tokens.waitingFor(party)).toEqual(['s:1']);
      expect(await tokens.find('s:1', 'assign', 'a')).toEqual(token);
      await tokens.remove(token);
      for (const party of ['agent-a', 'budget-b']) expect(await tokens.waitingFor(party)).toEqual([]);
    });

    it('keeps the newest token of an item, and removes no newer token than the given token', async () => {
      const tokens = await create();
      const [old, newer] = [tokenOf('s:1', 'a', 'token-1', 'agent-a'), tokenOf('s:1', 'a', 'token-2', 'agent-a')];
      await tokens.put(old);
      await tokens.put(newer);
      await tokens.remove(old);
      expect(await tokens.ofSaga('s:1')).toEqual([newer]);
      expect(await tokens.waitingFor('agent-a')).toEqual(['s:1']);
      await tokens.remove(newer);
      await tokens.remove(newer);
      expect(await tokens.ofSaga('s:1')).toEqual([]);
      expect(await tokens.waitingFor('agent-a')).toEqual([]);
    });
  });
}
