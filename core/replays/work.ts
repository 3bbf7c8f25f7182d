import { CommandRejectedError } from '../base/errors.ts';
import { aggregateTypesOf, isShared } from '../projections/projection.ts';
import { Projector } from '../projections/projector.ts';
import type { ViewStore } from '../projections/view-store.ts';
import type { EventStore } from '../store/event-store.ts';
import { GenerationComparison } from './generation-comparison.ts';
import type { Generations } from './generations.ts';
import { unread, withFailures, withPlan, withRange } from './progress.ts';
import { RangeRun } from './range-run.ts';
import { type GenerationParts, removeGeneration } from './remove-generation.ts';
import { isWhole, type Replay, within } from './replay.ts';
import type { LogScope, ReplayLog, ReplayRange } from './replay-log.ts';
import type { Replays } from './replays.ts';

/** The parts and settings of {@link ReplayWork}. */
export interface ReplayWorkOptions extends GenerationParts {
  readonly replays: Replays;
  readonly generations: Generations;
  readonly log: ReplayLog;
  readonly store: EventStore;
  readonly views: ViewStore;
  /** Pages of one range. */
  readonly rangePages?: number;
  /** Streams processed side by side. */
  readonly concurrency?: number;
  /**
   * The time from the start of a replay to its last look at the log, milliseconds: by then every process knows the
   * replay, and earlier writes show in lists.
   */
  readonly settleMs: number;
  /** The time that the views of the replaced generation stay after the switch, milliseconds, for readers at work. */
  readonly removeAfterMs: number;
  readonly now?: () => Date;
}

/** The next step of a replay. */
export type ReplayStep =
  | { readonly step: 'read'; readonly ranges: readonly ReplayRange[] }
  | { readonly step: 'wait'; readonly ms: number }
  | { readonly step: 'finish' }
  /** Remove the views of the unneeded generation. */
  | { readonly step: 'remove' }
  /** Nothing, until the next request. */
  | { readonly step: 'none' };

const DEFAULT_RANGE_PAGES = 200;
/** Ranges of one answer: the input of a state machine has 256 KB. */
const MAX_RANGES = 1_000;
/** Pause between two checks for a pause or a discard. */
const LOOK_MS = 1_000;

/**
 * The work of a replay, in steps for a process or a state machine: {@link next} gives the next step, {@link read}
 * applies a range of the log, {@link finish} compares and switches, {@link remove} removes old views. Every step may be
 * repeated or run side by side with others: applied events are skipped, and missing events are read from the store.
 */
export class ReplayWork {
  readonly #options: ReplayWorkOptions;

  constructor(options: ReplayWorkOptions) {
    this.#options = options;
  }

  /** Gives the next step. */
  async next(replayId: string): Promise<ReplayStep> {
    const { rangePages = DEFAULT_RANGE_PAGES, settleMs } = this.#options;
    let own = await this.#options.replays.get(replayId);
    if (own.state === 'switched' || own.state === 'discarded') return this.#clearing(own);
    if (own.state === 'requested') own = await this.#begun(own);
    if (own.state === 'ready' && own.switchWhenReady) return { step: 'finish' };
    if (own.state !== 'running') return { step: 'none' };
    if (own.plannedAt === undefined) own = await this.#plan(own);
    let ranges = unread(own, rangePages);
    const settled = Date.parse(own.startedAt ?? own.requestedAt) + settleMs;
    if (ranges.length === 0 && Date.parse(own.plannedAt ?? '') < settled) {
      if (this.#now() < settled) return { step: 'wait', ms: settled - this.#now() };
      ranges = unread(await this.#plan(own), rangePages);
    }
    return ranges.length > 0 ? { step: 'read', ranges: ranges.slice(0, MAX_RANGES) } : { step: 'finish' };
  }

  /**
   * Applies the commits of a range to the replay's generation, and records the range as read. Stops when the replay is
   * paused or discarded; the range is then read again.
   * @throws UnavailableError, CorruptDataError; the range counts as not read
   */
  async read(replayId: string, range: ReplayRange): Promise<void> {
    const { replays, log } = this.#options;
    const own = await replays.get(replayId);
    if (own.state !== 'running') return;
    const run = new RangeRun(this.#projectorOf(own), this.#options.breathe);
    let looked = this.#now();
    for await (const { commits, events } of log.pages(range, this.#scopeOf(own))) {
      await run.take(commits, events);
      if (this.#now() - looked < LOOK_MS) continue;
      if ((await replays.get(replayId)).state !== 'running') return;
      looked = this.#now();
    }
    await run.apply();
    await replays.change(replayId, (now) =>
      now.state === 'running' ? withFailures(withRange(now, range, run.events), run.failures()) : undefined,
    );
  }

  /**
   * Ends a replay after its last range. Compares a whole generation with the live one, view by view, and catches up
   * where it is behind. Only then the replay is ready and may switch, so that no view goes back.
   * @param until the time to stop comparing, milliseconds since 1970; the next call continues there
   */
  async finish(replayId: string, until = Number.POSITIVE_INFINITY): Promise<ReplayStep> {
    const { replays } = this.#options;
    const own = await replays.get(replayId);
    const running = own.state === 'running';
    if (running && isWhole(own.scope) && !(await this.#compare(own, until))) return { step: 'finish' };
    const ended = await replays.change(replayId, (now) => {
      if (now.state !== 'running') return undefined;
      if (now.failed > 0) return { ...now, state: 'failed', reason: reasonOf(now) };
      return { ...now, state: 'ready', finishedAt: new Date(this.#now()).toISOString() };
    });
    if (ended.state === 'ready' && ended.switchWhenReady) await this.#switchTo(ended);
    return this.next(replayId);
  }

  /**
   * Removes the views of the replaced generation, or of the discarded one.
   * @param until the time to stop, milliseconds since 1970
   */
  async remove(replayId: string, until = Number.POSITIVE_INFINITY): Promise<ReplayStep> {
    const { replays, generations } = this.#options;
    const { state, projection, generation, replaces } = await replays.get(replayId);
    const unneeded = state === 'switched' ? replaces : state === 'discarded' ? generation : undefined;
    const { live, building } = await generations.read(projection);
    if (unneeded !== undefined && unneeded !== live && unneeded !== building?.generation) {
      const old = { projection: replays.projection(projection), generation: unneeded };
      const isOver = () => this.#now() >= until;
      if (!(await removeGeneration(this.#options, old, { isOver, until }))) return { step: 'remove' };
    }
    const removedAt = new Date(this.#now()).toISOString();
    await replays.change(replayId, (own) => (own.removedAt ? undefined : { ...own, removedAt }));
    return { step: 'none' };
  }

  /** Records the failure of a replay. The live generation stays unchanged. */
  async fail(replayId: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    await this.#options.replays.change(replayId, (own) =>
      own.state === 'running' ? { ...own, state: 'failed', reason } : undefined,
    );
  }

  /**
   * A process died between the record of a replay and its beginning. Without a free place the replay stays unchanged.
   */
  #begun(own: Replay): Promise<Replay> {
    return this.#options.replays.begin(own).catch((error: unknown) => {
      if (error instanceof CommandRejectedError) return own;
      throw error;
    });
  }

  /** A replay without its place was being discarded when a process died; the discard completes here. */
  async #switchTo(own: Replay): Promise<void> {
    const { replays } = this.#options;
    try {
      await replays.completeSwitch(own);
    } catch (error) {
      if (!(error instanceof CommandRejectedError)) throw error;
      await replays.discard(own.replayId);
    }
  }

  #clearing({ state, removedAt, finishedAt }: Replay): ReplayStep {
    if (removedAt) return { step: 'none' };
    const unread = state === 'switched' && finishedAt ? Date.parse(finishedAt) + this.#options.removeAfterMs : 0;
    return this.#now() < unread ? { step: 'wait', ms: unread - this.#now() } : { step: 'remove' };
  }

  async #plan(own: Replay): Promise<Replay> {
    const plannedAt = new Date(this.#now()).toISOString();
    const extents = await this.#options.log.extents(this.#scopeOf(own));
    return this.#options.replays.change(own.replayId, (now) => withPlan(now, extents, plannedAt));
  }

  /** @returns whether the comparison is complete */
  async #compare(own: Replay, until: number): Promise<boolean> {
    const { replays, generationStore, store, breathe } = this.#options;
    const { replayId, replaces = 0, generation = 0, compared } = own;
    const projection = replays.projection(own.projection);
    const comparison = new GenerationComparison({ projection, store: generationStore, events: store });
    const projector = this.#projectorOf(own);
    // The comparison finds failed streams again, unless the live view fails there too.
    if (!compared) await replays.change(replayId, (now) => ({ ...now, failures: [], failed: 0 }));
    for await (const { behind, next } of comparison.pages(replaces, generation, compared)) {
      const failures = await comparison.catchUp(behind, generation, projector);
      await replays.change(replayId, (now) => withFailures({ ...now, compared: next }, failures));
      await breathe?.();
      if (this.#now() >= until) return false;
    }
    return true;
  }

  #projectorOf({ replayId, projection, scope, generation }: Replay): Projector {
    const { replays, store, views, sharedViews, concurrency } = this.#options;
    if (generation === undefined) throw new Error(`replay ${replayId} runs without a generation`);
    const projections = [within(replays.projection(projection), scope)];
    const generations = () => [generation];
    return new Projector({
      ...{ projections, store, views, generations },
      ...(sharedViews ? { sharedViews } : {}),
      ...(concurrency ? { concurrency } : {}),
    });
  }

  #scopeOf({ projection, scope }: Replay): LogScope {
    const { replays, store } = this.#options;
    const replayed = replays.projection(projection);
    const [aggregateType, ...others] = aggregateTypesOf(replayed, store.catalogue);
    const isOpen = isShared(replayed) && replayed.types.some((type: string) => !store.catalogue.definitionOf(type));
    return others.length > 0 || isOpen ? scope : { ...scope, aggregateType };
  }

  #now(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}

function reasonOf({ failed, failures: [first] }: Replay): string {
  const others = failed > 1 ? ` and ${failed - 1} more` : '';
  return `${first?.stream}${others} could not be applied: ${first?.message}; correct that and resume, or discard the replay`;
}
