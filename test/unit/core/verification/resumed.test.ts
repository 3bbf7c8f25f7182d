import { describe, expect, it } from 'vitest';
import { NotFoundError, UnavailableError } from '../../../../core/base/errors.ts';
import { type ResumableVerification, ResumedVerifications } from '../../../../core/verification/resumed.ts';
import { NOTHING_SEEN } from '../../../../core/verification/verifications.ts';
import { MemoryControlStore } from '../../../support/memory-control.ts';
import { MemoryObjectStore } from '../../../support/memory-objects.ts';

const HOUR = 3_600_000;
const STEPS = 10;

/** A verification of ten steps, each of a second of the clock; `fails` is thrown at its step. */
function tenSteps(
  clock: { now: number },
  seen: number[],
  control: { fails?: Error | undefined },
): ResumableVerification {
  return {
    async *run(cursor = '0') {
      for (let step = Number(cursor) + 1; step <= STEPS; step++) {
        clock.now += 1_000;
        seen.push(step);
        if (control.fails) throw control.fails;
        const extent = { ...NOTHING_SEEN, pages: step };
        yield { phase: 'log' as const, extent, differences: 0, cursor: () => String(step) };
      }
      return { verdict: 'verified', extent: { ...NOTHING_SEEN, pages: STEPS }, total: 0, differences: [] };
    },
  };
}

function setup() {
  const clock = { now: Date.parse('2026-11-28T00:00:00Z') };
  const [control, objects] = [new MemoryControlStore(), new MemoryObjectStore()];
  const [seen, failing] = [[] as number[], { fails: undefined as Error | undefined }];
  let ids = 0;
  const newRunner = () =>
    new ResumedVerifications({ control, objects, newId: () => `id-${++ids}`, now: () => new Date(clock.now) });
  /** An invocation of its own that has so many milliseconds. */
  const work = (ms: number, { everyMs = 24 * HOUR, saveMs = 30_000 } = {}) =>
    newRunner().work({ verification: tenSteps(clock, seen, failing), until: clock.now + ms, everyMs, saveMs });
  const left = async () => (await Array.fromAsync(objects.list(''))).map(({ key }) => key);
  return { clock, seen, failing, work, left, newRunner, objects };
}

describe('a verification over several invocations', () => {
  it('continues where the previous slice stopped, and ends with the verdict; nothing is read twice', async () => {
    const { work, seen, left } = setup();
    expect(await work(4_000)).toMatchObject({ state: 'running', phase: 'log', extent: { pages: 4 } });
    expect(await work(4_000)).toMatchObject({ state: 'running', extent: { pages: 8 } });
    expect(await work(4_000)).toMatchObject({ state: 'done', verdict: 'verified', extent: { pages: 10 } });
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await left()).toEqual([]);
  });

  it('repeats only the work since the last stored cursor after a crash', async () => {
    const { work, seen, failing } = setup();
    await work(4_000, { saveMs: 2_000 });
    failing.fails = new UnavailableError('DynamoDB is away');
    await expect(work(4_000, { saveMs: 2_000 })).rejects.toThrow(UnavailableError);
    failing.fails = undefined;
    expect(await work(60_000)).toMatchObject({ state: 'done' });
    expect(seen).toEqual([1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]);
  });

  it('continues after a killed invocation when its hold has ended, and not before', async () => {
    const { work, clock, newRunner, seen } = setup();
    // It takes the run and never says anything again.
    const killed = newRunner().work({
      verification: { run: () => ({ next: () => new Promise(() => {}) }) as never },
      until: clock.now + 14 * 60_000,
      everyMs: 24 * HOUR,
    });
    await new Promise(setImmediate);
    expect(await work(60_000)).toBeUndefined();
    expect(seen).toEqual([]);
    clock.now += 15 * 60_000;
    expect(await work(60_000)).toMatchObject({ state: 'done' });
    void killed;
  });

  it('has one worker at a time', async () => {
    const { work, seen } = setup();
    const outcomes = await Promise.all([work(60_000), work(60_000)]);
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(seen).toHaveLength(STEPS);
  });

  it('begins by the clock, or when it is asked for', async () => {
    const { work, clock, newRunner } = setup();
    expect(await work(60_000, { everyMs: 0 })).toBeUndefined();
    const first = await work(60_000);
    clock.now += 23 * HOUR;
    expect(await work(60_000)).toBeUndefined();
    const asked = await newRunner().start();
    expect(await newRunner().start()).toBe(asked);
    expect(asked).not.toBe(first?.verificationId);
    expect(await newRunner().get(asked)).toMatchObject({ state: 'running', phase: 'log' });
    expect(await work(60_000, { everyMs: 0 })).toMatchObject({ verificationId: asked, state: 'done' });
    expect(await newRunner().get(asked)).toEqual({
      ...{ verificationId: asked, state: 'done', phase: 'done', verdict: 'verified', total: 0, differences: [] },
      extent: { ...NOTHING_SEEN, pages: 10 },
    });
    await expect(newRunner().get('another')).rejects.toThrow(NotFoundError);
  });

  it('begins anew when its place was lost', async () => {
    const { work, seen, left, objects } = setup();
    await work(4_000);
    const [key = ''] = await left();
    expect(key).toMatch(/^verifications\//);
    await objects.delete(key);
    seen.length = 0;
    expect(await work(60_000)).toMatchObject({ state: 'done', extent: { pages: 10 } });
    expect(seen[0]).toBe(1);
  });
});
