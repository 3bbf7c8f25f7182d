import { ulid } from 'ulid';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { IdempotencyKeyReusedError, PayloadTooLargeError } from '../../core/base/errors.ts';
import { Generations } from '../../core/replays/generations.ts';
import { type ReplayRequest, Replays } from '../../core/replays/replays.ts';
import type { ControlStore } from '../../core/store/control-store.ts';
import { agentStatus } from '../../domain/agent/agent-status.ts';
import { subscriptionContract } from './subscriptions.suite.ts';

/** The contract of a store of control items. `createControl` is called once; each test uses another kind. */
export function controlStoreContract(name: string, createControl: () => Promise<ControlStore>): void {
  describe(`control store on ${name}`, () => {
    let created: ControlStore | undefined;
    beforeAll(async () => {
      created = await createControl();
    });
    const control = (): ControlStore => {
      if (!created) throw new Error('the control store was not created');
      return created;
    };
    describe('items', () => itemContract(control));
    describe('lists', () => listContract(control));
    describe('replays', () => replayContract(control));
    describe('subscriptions', () => subscriptionContract(control));
  });
}

const newKind = (): string => `kind-${ulid().toLowerCase()}`;

function itemContract(control: () => ControlStore): void {
  test('an unwritten item is absent', async () => {
    expect(await control().get(newKind(), '1')).toBeUndefined();
  });

  test('an item is read as it was written, and counts its writes', async () => {
    const kind = newKind();
    const content = { text: 'Zoë 🦜 "quoted"', list: [1, -0.5, null, [{}]], nested: { a: { b: true } } };
    expect(await control().put(kind, 'a/b:c~d', content, 0)).toBe(true);
    expect(await control().get(kind, 'a/b:c~d')).toEqual({ kind, id: 'a/b:c~d', revision: 1, content });
    expect(await control().put(kind, 'a/b:c~d', {}, 1)).toBe(true);
    expect(await control().get(kind, 'a/b:c~d')).toEqual({ kind, id: 'a/b:c~d', revision: 2, content: {} });
  });

  test('an item is written and removed only at its current revision', async () => {
    const kind = newKind();
    expect(await control().put(kind, '1', { n: 1 }, 1)).toBe(false);
    expect(await control().remove(kind, '1', 1)).toBe(false);
    expect(await control().get(kind, '1')).toBeUndefined();
    await control().put(kind, '1', { n: 1 }, 0);
    await control().put(kind, '1', { n: 2 }, 1);
    for (const stale of [0, 1, 3]) {
      expect(await control().put(kind, '1', { n: 9 }, stale), `from ${stale}`).toBe(false);
      expect(await control().remove(kind, '1', stale), `from ${stale}`).toBe(false);
    }
    expect(await control().get(kind, '1')).toMatchObject({ revision: 2, content: { n: 2 } });
    expect(await control().remove(kind, '1', 2)).toBe(true);
    expect(await control().get(kind, '1')).toBeUndefined();
    expect(await control().put(kind, '1', { n: 3 }, 0)).toBe(true);
  });

  test('one of several writers from the same revision wins', async () => {
    const kind = newKind();
    await control().put(kind, 'old', {}, 0);
    for (const [id, expected] of [['old', 1] as const, ['new', 0] as const]) {
      const won = await Promise.all(
        Array.from({ length: 6 }, (_, writer) => control().put(kind, id, { writer }, expected)),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
      expect((await control().get(kind, id))?.content).toEqual({ writer: won.indexOf(true) });
    }
  });

  test('several items are written and removed together, all or none', async () => {
    const kind = newKind();
    const write = (id: string, content: { n: number } | undefined, expectedRevision: number) => ({
      ...{ kind, id, content, expectedRevision },
    });
    expect(await control().writeTogether([write('a', { n: 1 }, 0), write('b', { n: 1 }, 0)])).toBe(true);
    for (const lost of [write('b', { n: 2 }, 0), write('b', undefined, 2), write('c', { n: 2 }, 1)]) {
      expect(await control().writeTogether([write('a', { n: 2 }, 1), lost])).toBe(false);
      expect(await control().writeTogether([lost, write('a', undefined, 1)])).toBe(false);
    }
    const contents = async () =>
      Promise.all(['a', 'b', 'c'].map(async (id) => (await control().get(kind, id))?.content));
    expect(await contents()).toEqual([{ n: 1 }, { n: 1 }, undefined]);
    const all = [write('a', { n: 3 }, 1), write('b', undefined, 1), write('c', { n: 3 }, 0)];
    expect(await control().writeTogether(all)).toBe(true);
    expect(await contents()).toEqual([{ n: 3 }, undefined, { n: 3 }]);
    expect((await control().get(kind, 'a'))?.revision).toBe(2);
  });

  test('one of several writers of the same items wins', async () => {
    const kind = newKind();
    const writes = (n: number) => ['a', 'b'].map((id) => ({ kind, id, content: { n }, expectedRevision: 0 }));
    const won = await Promise.all([0, 1, 2, 3].map((n) => control().writeTogether(writes(n))));
    expect(won.filter(Boolean)).toHaveLength(1);
    for (const id of ['a', 'b']) expect((await control().get(kind, id))?.content).toEqual({ n: won.indexOf(true) });
  });

  test('an item over the limit is refused, and the error names it', async () => {
    const kind = newKind();
    const write = control().put(kind, 'big', { text: 'é'.repeat(200_000) }, 0);
    await expect(write).rejects.toThrow(PayloadTooLargeError);
    await expect(write).rejects.toThrow(`${kind} big takes`);
    expect(await control().get(kind, 'big')).toBeUndefined();
  });
}

function listContract(control: () => ControlStore): void {
  test('the items of a kind are listed in the order of their ids, page by page, all or with a prefix', async () => {
    const kind = newKind();
    const ids = ['b/2', 'a/1', 'a/10', 'b/1', 'a', 'a/2', 'b'];
    for (const id of ids) await control().put(kind, id, { is: id }, 0);
    await control().put(`${kind}-x`, 'a/3', {}, 0);
    const all = async (limit: number, prefix?: string) => {
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await control().list(kind, { limit, after, prefix });
        expect(page.items.length).toBeLessThanOrEqual(limit);
        for (const { id, content } of page.items) expect(content).toEqual({ is: id });
        seen.push(...page.items.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      return seen;
    };
    const sorted = ['a', 'a/1', 'a/10', 'a/2', 'b', 'b/1', 'b/2'];
    await vi.waitFor(async () => expect(await all(100)).toEqual(sorted), { timeout: 5_000, interval: 100 });
    for (const limit of [1, 2, 3, 7]) {
      expect(await all(limit)).toEqual(sorted);
      expect(await all(limit, 'a/')).toEqual(['a/1', 'a/10', 'a/2']);
      expect(await all(limit, 'b')).toEqual(['b', 'b/1', 'b/2']);
      expect(await all(limit, 'c')).toEqual([]);
    }
    expect(await control().list(kind, { limit: 10, prefix: 'a/', after: 'b/1' })).toEqual({ items: [] });
    expect(await control().list(newKind(), { limit: 10 })).toEqual({ items: [] });
  });

  test('a list shows items as last written, without removed items', async () => {
    const kind = newKind();
    for (const id of ['1', '2']) await control().put(kind, id, { n: 1 }, 0);
    await control().put(kind, '1', { n: 2 }, 1);
    await control().remove(kind, '2', 1);
    await vi.waitFor(
      async () => {
        const { items } = await control().list(kind, { limit: 10 });
        expect(items).toEqual([{ kind, id: '1', revision: 2, content: { n: 2 } }]);
      },
      { timeout: 5_000, interval: 100 },
    );
  });
}

function replayContract(control: () => ControlStore): void {
  const scope = { from: '2026-01-01T00:00:00.000Z', types: ['agent.created', 'agent.step-recorded'] };
  const requestOf = (projection: string): ReplayRequest => ({
    ...{ replayId: ulid(), projection, scope, switchWhenReady: false },
  });

  test.each([
    ['a part without an end', scope],
    ['a part with an end', { ...scope, to: '2026-02-01T00:00:00.000Z' }],
    ['everything', {}],
  ])('a replay id belongs to one request: %s', async (_, given) => {
    const projection = { ...agentStatus, name: newKind() };
    const replays = new Replays({
      control: control(),
      generations: new Generations(control(), { maxAgeMs: 0 }),
      projections: [projection, { ...projection, name: 'other' }],
      start: () => {},
    });
    const request = { ...requestOf(projection.name), scope: given };
    const first = await replays.request(request);
    expect(await replays.request(request)).toEqual(first);
    const others: readonly Partial<ReplayRequest>[] = [
      { projection: 'other' },
      { switchWhenReady: true },
      { scope: { types: ['agent.created'] } },
      { scope: { ...given, from: '2026-01-02T00:00:00.000Z' } },
      { scope: { ...given, to: '2026-02-02T00:00:00.000Z' } },
    ];
    for (const other of others) {
      await expect(replays.request({ ...request, ...other })).rejects.toThrow(IdempotencyKeyReusedError);
    }
    expect(await replays.get(request.replayId)).toEqual(first);
  });
}
