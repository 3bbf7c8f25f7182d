import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../../../core/base/log-lines.ts';
import type { ViewClaims } from '../../../core/projections/large-views.ts';
import type { AnyProjection } from '../../../core/projections/projection.ts';
import type { SharedViewStore } from '../../../core/projections/shared-view-store.ts';
import type { ViewStore } from '../../../core/projections/view-store.ts';
import type { Generations } from '../../../core/replays/generations.ts';
import type { Replay } from '../../../core/replays/replay.ts';
import { Replays } from '../../../core/replays/replays.ts';
import { ReplayWork } from '../../../core/replays/work.ts';
import type { ClaimCheck } from '../../../core/store/claim-check.ts';
import type { ControlStore } from '../../../core/store/control-store.ts';
import type { EventStore } from '../../../core/store/event-store.ts';
import type { SqliteCommitStorage } from '../sqlite/commit-storage.ts';
import { SqliteGenerationStore } from '../sqlite/generation-store.ts';
import { SqliteReplayLog } from '../sqlite/replay-log.ts';
import { ReplayRunner } from './replay-runner.ts';

/** The stores and settings of {@link createReplays}. */
export interface ReplayEngineOptions {
  readonly control: ControlStore;
  readonly generations: Generations;
  readonly projections: readonly AnyProjection[];
  readonly store: EventStore;
  readonly commits: SqliteCommitStorage;
  /** Fetches the bodies of large commits. */
  readonly claims?: ClaimCheck;
  readonly views: ViewStore;
  /** Stores the parts of large views. */
  readonly viewClaims?: ViewClaims;
  readonly sharedViews: SharedViewStore;
  /** The database of the views. */
  readonly database: DatabaseSync;
  readonly logger: Logger;
  readonly concurrency: number;
}

/** Most commits of a range, whose progress is saved as a whole: some tenths of a second of work. */
const RANGE = 5_000;

/** Creates the replays, and the runner that carries them out in this process. */
export function createReplays(options: ReplayEngineOptions): { replays: Replays; runner: ReplayRunner } {
  const { control, generations, projections, store, commits, claims, views, viewClaims, sharedViews } = options;
  const { database, logger, concurrency } = options;
  const start = ({ replayId }: Replay): void => runner.run(replayId);
  const replays: Replays = new Replays({ control, generations, projections, start });
  const log = new SqliteReplayLog(commits, store.catalogue, claims);
  const generationStore = new SqliteGenerationStore(database);
  // The process knows of a replay at once, so nothing has to settle. Requests that read old views end within a second.
  const parts = {
    replays,
    generations,
    log,
    store,
    views,
    viewClaims,
    sharedViews,
    generationStore,
    concurrency,
    settleMs: 0,
    removeAfterMs: 1_000,
  };
  const work = (breathe: () => Promise<void>) => new ReplayWork({ ...parts, rangePages: RANGE, breathe });
  const runner: ReplayRunner = new ReplayRunner({ replays, logger, work });
  return { replays, runner };
}
