import { describe, expect, it, vi } from 'vitest';
import { withRetry } from '../../../../core/base/retry.ts';

describe('withRetry', () => {
  it('tries again until it works', async () => {
    const work = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new Error('first')).mockResolvedValue('done');
    expect(await withRetry({ attempts: 3, initialDelayMs: 1, maxDelayMs: 2 }, work)).toBe('done');
    expect(work).toHaveBeenCalledTimes(2);
  });

  it('waits before each further attempt, and throws the last error', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let calls = 0;
      const work = vi.fn(async () => Promise.reject(new Error(`attempt ${++calls}`)));
      const failed = withRetry({ attempts: 3, initialDelayMs: 1_000, maxDelayMs: 60_000 }, work).catch(
        (error: unknown) => error,
      );
      await vi.advanceTimersByTimeAsync(1);
      expect(work).toHaveBeenCalledTimes(1);
      await vi.runAllTimersAsync();
      expect(await failed).toEqual(new Error('attempt 3'));
      expect(work).toHaveBeenCalledTimes(3);
    } finally {
      vi.useRealTimers();
    }
  });
});
