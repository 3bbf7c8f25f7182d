import { onTestFinished, vi } from 'vitest';
import { News } from '../../core/log/news.ts';

/** Counts the readers of all logs that wait for news, until the test ends. */
export function countWaitingReaders(): () => number {
  let waiting = 0;
  const { after } = News.prototype;
  const counted = vi.spyOn(News.prototype, 'after').mockImplementation(async function (this: News, ...args) {
    waiting += 1;
    await after.apply(this, args).finally(() => {
      waiting -= 1;
    });
  });
  onTestFinished(() => counted.mockRestore());
  return () => waiting;
}
