import { type AnyProjection, defineProjection } from '../../core/projections/projection.ts';
import { Projector } from '../../core/projections/projector.ts';
import { defineSharedProjection } from '../../core/projections/shared-projection.ts';
import { Generations } from '../../core/replays/generations.ts';
import type { Replay } from '../../core/replays/replay.ts';
import { Replays } from '../../core/replays/replays.ts';
import { ReplayWork } from '../../core/replays/work.ts';
import type { Commit } from '../../core/store/commit.ts';
import { EventStore } from '../../core/store/event-store.ts';
import { MemoryCommitStorage } from '../../testing/memory/commit-storage.ts';
import { MemorySharedViews } from '../../testing/memory/shared-views.ts';
import { MemoryViewStore } from '../../testing/memory/views.ts';
import { catalogue } from './application.ts';
import { MemoryControlStore } from './memory-control.ts';
import { MemoryReplayLog } from './memory-replay-log.ts';
import { step } from './sample-events.ts';

/** Keeps all actions in order, so that a duplicate, a loss or a swap is visible. */
export const actions = defineProjection({
  name: 'actions',
  aggregateType: 'agent',
  types: ['agent.step-recorded'],
  group: { of: (view: { seen: string[] }) => (view.seen.length > 2 ? 'busy' : 'new'), values: ['new', 'busy'] },
  evolve: (view, event) => ({ seen: [...(view?.seen ?? []), event.data.action] }),
});

/** Counts the steps of each agent and of all agents, and adds up their positions in the streams. */
export const tallies = defineSharedProjection({
  name: 'tallies',
  types: ['agent.step-recorded'],
  shards: 2,
  evolve: (state: { steps: number } | undefined) => ({ steps: (state?.steps ?? 0) + 1 }),
  count: ({ aggregateId, data: { action } }, _, { steps }) => ({
    all: { steps: 1, actions: { [action]: 1 }, positions: steps },
    [aggregateId]: { steps: 1 },
  }),
});

export interface StageOptions {
  readonly projections?: readonly AnyProjection[];
  readonly now?: () => Date;
  readonly settleMs?: number;
  /** Wraps the parts that do I/O, to make them fail. */
  readonly around?: <Part extends object>(part: Part) => Part;
  /** Called at each start of a replay's work; an error makes the start fail. */
  readonly onStart?: (replay: Replay) => Promise<void>;
}

/** The parts of replays in memory. `process()` makes another process over the same storage. */
export function replayStage(options: StageOptions = {}) {
  const { projections = [actions], settleMs = 0, now = () => new Date(), around = (part) => part } = options;
  const { onStart = async ({ replayId }) => void started.push(replayId) } = options;
  const storage = new MemoryCommitStorage();
  const store = new EventStore(storage, { catalogue, now });
  const views = new MemoryViewStore();
  const sharedViews = new MemorySharedViews(views);
  const control = new MemoryControlStore();
  const log = new MemoryReplayLog();
  const started: string[] = [];

  const commitsOf = (stream: string): Promise<Commit[]> => Array.fromAsync(store.commits(stream));
  const append = async (id: string, ...texts: string[]): Promise<Commit> => {
    await store.append(`agent-${id}`, texts.map(step), { expectedVersion: 'any' });
    return (await commitsOf(`agent-${id}`)).at(-1) as Commit;
  };

  /** A process with separate caches. */
  const process = (maxAgeMs = 0) => {
    const generations = new Generations(around(control), { maxAgeMs, now: () => now().getTime() });
    const replays = new Replays({
      ...{ control: around(control), generations, projections, now },
      start: onStart,
    });
    const viewStores = { views: around(views), sharedViews: around(sharedViews) };
    const parts = { store, ...viewStores, generationStore: around(views), log: around(log) };
    const work = new ReplayWork({ ...parts, replays, generations, settleMs, removeAfterMs: 0, rangePages: 2, now });
    const wanted = (projection: string) => generations.wanted(projection);
    const projector = new Projector({ projections, store, ...viewStores, generations: wanted });
    return { generations, replays, work, projector };
  };

  const view = (id: string, generation: number, projection = 'actions') => views.get(projection, generation, id);
  return { ...process(), process, store, views, sharedViews, control, log, started, append, commitsOf, view };
}

/** Executes the steps of a replay until it waits or removes. Ranges run at the same time, the last range first. */
export async function drive(work: ReplayWork, replayId: string): Promise<void> {
  for (;;) {
    const next = await work.next(replayId);
    if (next.step === 'read') await Promise.all(next.ranges.toReversed().map((range) => work.read(replayId, range)));
    else if (next.step === 'finish') await work.finish(replayId);
    else return;
  }
}
