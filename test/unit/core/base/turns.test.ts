import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UnavailableError } from '../../../../core/base/errors.ts';
import { forCaller, turn, turnAfter } from '../../../../core/base/turns.ts';

/** Keeps the process busy. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('long work in turns', () => {
  it('lets the event loop turn twice between two callers, however many there are', async () => {
    let working = 10;
    const order: string[] = [];
    const caller = async (name: number) => {
      for (let step = 0; step < 3; step += 1) {
        await turn();
        order.push(`caller ${name}`);
        work(6);
      }
      working -= 1;
    };
    const callers = Promise.all(Array.from({ length: 10 }, (_, name) => caller(name)));
    while (working > 0) {
      await nextTurn();
      order.push('loop');
    }
    await callers;
    const first = order.indexOf('caller 0');
    const text = order.slice(first).join(' ');
    expect(text).not.toMatch(/caller \d caller/);
    expect(order.filter((entry) => entry !== 'loop').slice(0, 10)).toEqual(
      Array.from({ length: 10 }, (_, name) => `caller ${name}`),
    );
  });

  it('does not make short work wait', async () => {
    const next = turnAfter(60_000);
    await turn();
    work(6);
    expect(next()).toBeUndefined();
  });

  it('does many short pieces of work in few turns of the event loop', async () => {
    await turn();
    work(6);
    let waiting = 100;
    for (let n = 0; n < 100; n += 1) void turn()?.then(() => (waiting -= 1));
    let turns = 0;
    for (; waiting > 0; turns += 1) await nextTurn();
    expect(turns).toBeLessThan(100);
  });

  it('ends the work of a caller that has gone, and only that', async () => {
    const gone = new AbortController();
    const long = async () => {
      for (let step = 0; step < 1_000; step += 1) await turn();
      return 'done';
    };
    const [left, stayed] = [forCaller(gone.signal, long), forCaller(undefined, long)];
    gone.abort();
    await expect(left).rejects.toThrow(UnavailableError);
    await expect(stayed).resolves.toBe('done');
  });
});
