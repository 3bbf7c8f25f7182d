import { CommandRejectedError, UnavailableError } from '../base/errors.ts';
import type { ViewClaims } from '../projections/large-views.ts';
import { aggregateTypesOf, groupsOf, isShared } from '../projections/projection.ts';
import { Projector } from '../projections/projector.ts';
import type { SharedViewStore } from '../projections/shared-view-store.ts';
import type { ViewStore } from '../projections/view-store.ts';
import { type Commit, jsonBytesOf } from '../store/commit.ts';
import type { EventStore } from '../store/event-store.ts';
import { PORTION_BYTES } from '../store/portions.ts';
import { GenerationComparison } from './generation-comparison.ts';
import type { GenerationStore } from './generation-store.ts';
import type { Generations } from './generations.ts';
import { unread, withFailures, withPlan, withRange } from './progress.ts';
import { isWhole, type Replay, within } from './replay.ts';
import type { LogScope, ReplayLog, ReplayRange } from './replay-log.ts';
import type { Replays } from './replays.ts';

export interface ReplayWorkOptions {
  readonly replays: Replays;
  readonly generations: Generations;
  readonly log: ReplayLog;
  readonly store: EventStore;
  readonly views: ViewStore;
  /** What lies aside of large views; without it nothing does. */
  readonly viewClaims?: Pick<ViewClaims, 'remove'> | undefined;
  readonly sharedViews?: SharedViewStore;
  readonly generationStore: GenerationStore;
  /** Pages that are read, and noted as read, together. */
  readonly rangePages?: number;
  /** Streams worked on side by side. */
  readonly concurrency?: number;
  /**
   * How long after its start a replay looks at the log once more and ends, milliseconds: until every process must have
   * learned that it is there, and what those that had not have written must show in lists.
   */
  readonly settleMs: number;
  /** How long after the switch the views of the replaced generation stay, milliseconds: some still read there. */
  readonly removeAfterMs: number;
  /** Called between batches: where requests share the process they have their turn. */
  readonly breathe?: () => Promise<void>;
  readonly now?: () => Date;
}

/** What is to be done next for a replay. */
export type ReplayStep =
  | { readonly step: 'read'; readonly ranges: readonly ReplayRange[] }
  | { readonly step: 'wait'; readonly ms: number }
  | { readonly step: 'finish' }
  /** Remove the views that nobody needs any more. */
  | { readonly step: 'remove' }
  /** Nothing, until somebody asks for something. */
  | { readonly step: 'none' };

const DEFAULT_RANGE_PAGES = 200;
/** Ranges told at once: a state machine's input has 256 KB. */
const MAX_RANGES = 1_000;
/** Commits applied at once: enough that a stream's are folded together, few enough that requests need not wait long. */
const BATCH = 100;
/** How often a replay in work looks whether it is still wanted. */
const LOOK_MS = 1_000;
const REMOVED_AT_ONCE = 100;

/**
 * The work of a replay, in steps that a process or a state machine puts together: {@link next} says what is to be done,
 * {@link read} takes in a range of the log, {@link finish} compares and switches, {@link remove} clears away. Every step
 * may be done twice or side by side with others: what was applied is skipped, what a range lacks is read from the store.
 */
export class ReplayWork {
  readonly #options: ReplayWorkOptions;

  constructor(options: ReplayWorkOptions) {
    this.#options = options;
  }

  /** Finds out what is to be done. */
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
   * Applies the commits of a range to the replay's generation and notes that it was read. Stops when the replay is
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
   * Ends a replay all of whose ranges were read. A whole generation is compared with the live one, view by view, and
   * brought up to it where it is behind; only then it is ready, and live if that is wanted: no reader sees a view go back.
   * @param until when to stop comparing, milliseconds since 1970; what was compared is not compared again
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
   * Removes the views of the generation that a replay replaced, or of its own when it was discarded.
   * @param until when to stop, milliseconds since 1970
   */
  async remove(replayId: string, until = Number.POSITIVE_INFINITY): Promise<ReplayStep> {
    const { replays, generations } = this.#options;
    const { state, projection, generation, replaces } = await replays.get(replayId);
    const unneeded = state === 'switched' ? replaces : state === 'discarded' ? generation : undefined;
    const { live, building } = await generations.read(projection);
    if (unneeded !== undefined && unneeded !== live && unneeded !== building?.generation) {
      if (!(await this.#removeViews(projection, unneeded, until))) return { step: 'remove' };
    }
    const removedAt = new Date(this.#now()).toISOString();
    await replays.change(replayId, (own) => (own.removedAt ? undefined : { ...own, removedAt }));
    return { step: 'none' };
  }

  /** Notes that a replay cannot go on. The live generation is as it was. */
  async fail(replayId: string, error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    await this.#options.replays.change(replayId, (own) =>
      own.state === 'running' ? { ...own, state: 'failed', reason } : undefined,
    );
  }

  /** A process died between noting a replay and beginning it. Without a place it stays as it is, and is left alone. */
  #begun(own: Replay): Promise<Replay> {
    return this.#options.replays.begin(own).catch((error: unknown) => {
      if (error instanceof CommandRejectedError) return own;
      throw error;
    });
  }

  /** A replay that has lost its place was being discarded when a process died; the discard ends here. */
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

  /** @returns whether all was compared */
  async #compare(own: Replay, until: number): Promise<boolean> {
    const { replays, generationStore, store, breathe } = this.#options;
    const { replayId, replaces = 0, generation = 0, compared } = own;
    const projection = replays.projection(own.projection);
    const comparison = new GenerationComparison({ projection, store: generationStore, events: store });
    const projector = this.#projectorOf(own);
    // What could not be applied while reading is seen again here, unless the live view has not got past it either.
    if (!compared) await replays.change(replayId, (now) => ({ ...now, failures: [], failed: 0 }));
    for await (const { behind, next } of comparison.pages(replaces, generation, compared)) {
      const failures = await comparison.catchUp(behind, generation, projector);
      await replays.change(replayId, (now) => withFailures({ ...now, compared: next }, failures));
      await breathe?.();
      if (this.#now() >= until) return false;
    }
    return true;
  }

  /** @returns whether all of them are gone */
  async #removeViews(projection: string, generation: number, until: number): Promise<boolean> {
    const { replays, generationStore, sharedViews, viewClaims, breathe } = this.#options;
    const declaration = replays.projection(projection);
    if (isShared(declaration)) await sharedViews?.remove({ projection, generation });
    for (const group of groupsOf(declaration)) {
      let after: string | undefined;
      do {
        const options = { limit: REMOVED_AT_ONCE, after };
        const { checkpoints, next } = await generationStore.checkpoints(projection, generation, group, options);
        const keys = checkpoints.map(({ key }) => key);
        if (keys.length > 0) await generationStore.remove(projection, generation, keys);
        after = next;
        await breathe?.();
        if (this.#now() >= until) return false;
      } while (after !== undefined);
    }
    return (await viewClaims?.remove({ projection, generation }, until)) ?? true;
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
    const [aggregateType, ...others] = aggregateTypesOf(this.#options.replays.projection(projection));
    return others.length > 0 ? scope : { ...scope, aggregateType };
  }

  #now(): number {
    return (this.#options.now?.() ?? new Date()).getTime();
  }
}

/** The commits of a range on their way into a generation. */
class RangeRun {
  readonly #projector: Projector;
  readonly #breathe: (() => Promise<void>) | undefined;
  readonly #failures = new Map<string, string>();
  #batch: Commit[] = [];
  #bytes = 0;
  /** Events met so far. */
  events = 0;

  constructor(projector: Projector, breathe: (() => Promise<void>) | undefined) {
    this.#projector = projector;
    this.#breathe = breathe;
  }

  async take(commits: readonly Commit[], events: number): Promise<void> {
    this.#batch.push(...commits);
    this.#bytes += commits.reduce((sum, commit) => sum + jsonBytesOf(commit), 0);
    this.events += events;
    if (this.#batch.length >= BATCH || this.#bytes >= PORTION_BYTES) await this.apply();
  }

  /** @throws UnavailableError when storage could not be reached: no fault of any stream */
  async apply(): Promise<void> {
    this.#bytes = 0;
    for (const { stream, error } of await this.#projector.apply(this.#batch.splice(0))) {
      if (error instanceof UnavailableError) throw error;
      this.#failures.set(stream, error instanceof Error ? error.message : String(error));
    }
    await this.#breathe?.();
  }

  failures() {
    return [...this.#failures].map(([stream, message]) => ({ stream, message }));
  }
}

function reasonOf({ failed, failures: [first] }: Replay): string {
  const others = failed > 1 ? ` and ${failed - 1} more` : '';
  return `${first?.stream}${others} could not be applied: ${first?.message}; correct that and resume, or discard the replay`;
}
