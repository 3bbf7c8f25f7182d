import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import type { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import type { Logger } from './logger.ts';

const DAY_MS = 24 * 3_600_000;

/** Removes bodies of large commits that were never written: at the start, and every day from then on. */
export function sweepDaily(claims: ClaimCheck, commits: SqliteCommitStorage, logger: Logger) {
  let timer: NodeJS.Timeout | undefined;
  const sweep = async () => {
    try {
      const removed = await claims.sweep(commits, new Date());
      if (removed.length > 0) logger.warn('bodies that no commit claims were removed', { keys: removed });
    } catch (error) {
      logger.error('bodies of large commits could not be swept', { error });
    }
  };
  return {
    start: (): void => {
      timer ??= setInterval(sweep, DAY_MS).unref();
      void sweep();
    },
    stop: (): void => clearInterval(timer),
  };
}
