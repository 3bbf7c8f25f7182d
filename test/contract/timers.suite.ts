import { describe, expect, it } from 'vitest';
import type { TimerCall, Timers } from '../../core/schedules/timers.ts';

/** Timers with a clock by hand. */
export interface TimedHost {
  readonly timers: Timers;
  /** Lets the time pass up to an instant. @returns the schedules that were called since the last call of this function */
  pass(to: string): Promise<readonly string[]>;
}

/** The contract of timers. `create` gives timers whose clock stands at {@link START}. */
export function timersContract(name: string, create: () => Promise<TimedHost>): void {
  describe(`timers: ${name}`, () => {
    it('call at the instant, soon and long after the request', async () => {
      const { timers, pass } = await create();
      const calls: [string, string][] = [
        ...[
          ['soon', '2026-01-05T09:00:01.500Z'] as [string, string],
          ['quarter', '2026-01-05T09:15:00.000Z'] as [string, string],
        ],
        ...[
          ['later', '2026-01-05T09:15:00.001Z'] as [string, string],
          ['next-year', '2027-01-05T09:00:00.250Z'] as [string, string],
        ],
      ];
      for (const [scheduleId, dueAt] of calls) await timers.set({ scheduleId, dueAt });
      const called = new Set(await pass('2026-01-05T09:00:01.499Z'));
      expect(called.has('soon')).toBe(false);
      for (const [scheduleId, dueAt] of calls) {
        for (const id of await pass(new Date(Date.parse(dueAt) + 1_000).toISOString())) called.add(id);
        expect(called.has(scheduleId), scheduleId).toBe(true);
      }
      expect(called.size).toBe(4);
    });

    it('call at once for an instant that has passed', async () => {
      const { timers, pass } = await create();
      await timers.set({ scheduleId: 'past', dueAt: '2020-01-01T00:00:00.000Z' });
      expect(await pass(START)).toEqual(['past']);
    });

    it('take the same request twice, and every id', async () => {
      const { timers, pass } = await create();
      const ids = ['a'.repeat(128), '~._:-'.repeat(25).replace('~', '0'), 'A', 'a'];
      const calls = ids.map((scheduleId): TimerCall => ({ scheduleId, dueAt: '2026-02-01T00:00:00.000Z' }));
      for (const call of [...calls, ...calls]) await timers.set(call);
      expect(new Set(await pass('2026-02-01T00:00:01.000Z'))).toEqual(new Set(ids));
    });

    it('do not call after a removal, and remove what is not there', async () => {
      const { timers, pass } = await create();
      const call = { scheduleId: 'a', dueAt: '2026-02-01T00:00:00.000Z' };
      await timers.set(call);
      await timers.set({ ...call, scheduleId: 'b' });
      await timers.remove(call);
      await timers.remove({ ...call, scheduleId: 'never-there' });
      expect(await pass('2026-02-01T00:00:01.000Z')).toEqual(['b']);
    });

    it('call at the newest of several instants of a schedule', async () => {
      const { timers, pass } = await create();
      await timers.set({ scheduleId: 'a', dueAt: '2026-02-01T00:00:00.000Z' });
      await timers.set({ scheduleId: 'a', dueAt: '2026-02-02T00:00:00.000Z' });
      await pass('2026-02-01T12:00:00.000Z');
      expect(await pass('2026-02-02T00:00:01.000Z')).toContain('a');
    });
  });
}

/** Where the clock of new timers stands. */
export const START = '2026-01-05T09:00:00.000Z';
