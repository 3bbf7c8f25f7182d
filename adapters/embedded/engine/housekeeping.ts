import type { EventSystem } from '../../../core/base/configuration.ts';
import { LogArchiver, retentionOf } from '../../../core/log/archiver.ts';
import type { Logger } from './logger.ts';
import { Schedule } from './schedule.ts';
import type { EngineStores } from './stores.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

/** What tidies up once a day: the archiver of old log pages, and the sweep of objects that no commit and no view claims. */
export function createHousekeeping(stores: EngineStores, settings: EventSystem, logger: Logger) {
  const { logPages, claims, commits, viewClaims, storedViews } = stores;
  const archiver = new LogArchiver({ ...logPages, ...retentionOf(settings) });
  return {
    archiver: new Schedule({ name: 'the archiver', everyMs: DAY_MS, run: () => archiver.run(), logger }),
    sweep: new Schedule({
      name: 'the sweep of large objects',
      everyMs: DAY_MS,
      run: async (signal) => {
        const keys = await claims.sweep(commits, new Date(), signal);
        if (keys.length > 0) logger.warn('bodies that no commit claims were removed', { keys });
        const parts = await viewClaims.sweep(storedViews, new Date(), signal);
        if (parts.length > 0) logger.warn('parts of views that no view claims were removed', { keys: parts });
      },
      logger,
    }),
  };
}
