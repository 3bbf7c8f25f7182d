import type { EventSystem } from '../../../core/base/configuration.ts';
import { type Logger, logLines } from '../../../core/base/log-lines.ts';
import { LogArchiver, retentionOf } from '../../../core/log/archiver.ts';
import { RepeatedTask } from './repeated-task.ts';
import type { EngineStores } from './stores.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Creates the daily tasks: the archiver of old log pages, and the sweep of objects that no commit and no view refers to. */
export function createHousekeeping(stores: EngineStores, settings: EventSystem, logger: Logger) {
  const { logPages, claims, commits, viewClaims, storedViews } = stores;
  const archiver = new LogArchiver({ ...logPages, ...retentionOf(settings) });
  const lines = logLines(logger);
  return {
    archiver: new RepeatedTask({ name: 'the archiver', everyMs: DAY_MS, run: () => archiver.run(), logger }),
    sweep: new RepeatedTask({
      name: 'the sweep of large objects',
      everyMs: DAY_MS,
      run: async (signal) => {
        lines.bodiesRemoved(await claims.sweep(commits, new Date(), signal));
        lines.viewPartsRemoved(await viewClaims.sweep(storedViews, new Date(), signal));
      },
      logger,
    }),
  };
}
