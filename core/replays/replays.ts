import { isDeepStrictEqual } from 'node:util';
import { CommandRejectedError, IdempotencyKeyReusedError, NotFoundError } from '../base/errors.ts';
import type { JsonObject } from '../events/json.ts';
import { type AnyProjection, projectionNamed } from '../projections/projection.ts';
import { type ControlItem, type ControlStore, changeItem } from '../store/control-store.ts';
import type { GenerationPointer, Generations } from './generations.ts';
import { withoutFailures } from './progress.ts';
import { PlaceTakenError, refused } from './refusals.ts';
import { isWhole, type Replay, type ReplayScope, type ReplayState, replayOf } from './replay.ts';

/** The parts of {@link Replays}. */
export interface ReplaysOptions {
  readonly control: ControlStore;
  readonly generations: Generations;
  readonly projections: readonly AnyProjection[];
  /** Starts the work of a replay, if it does not run; called again after a resume or a discard. */
  readonly start: (replay: Replay) => void | Promise<void>;
  readonly now?: () => Date;
}

/** A request for a replay. */
export interface ReplayRequest {
  /** The caller makes the id; the same id means the same replay. */
  readonly replayId: string;
  readonly projection: string;
  readonly scope: ReplayScope;
  readonly switchWhenReady: boolean;
}

/** A page of replays. */
export interface ReplayList {
  readonly replays: readonly Replay[];
  /** Id to continue after; absent on the last page. */
  readonly next?: string;
}

const KIND = 'replay';

/**
 * The replays of projections: request, read, pause, resume, switch, discard. A projection has one replay at a time.
 * {@link ReplayWork} does the work.
 */
export class Replays {
  readonly #options: ReplaysOptions;

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  /**
   * Records a replay, gives it a generation and starts it. A repeat continues where a crash stopped the first request.
   * @throws NotFoundError for an unknown projection
   * @throws CommandRejectedError while another replay makes a generation of the projection. If a crash had stopped that
   *   replay, it is started again
   * @throws IdempotencyKeyReusedError when the id belongs to another request
   */
  async request(request: ReplayRequest): Promise<Replay> {
    this.projection(request.projection);
    const noted = (await this.find(request.replayId)) ?? (await this.#note(request));
    if (!isOf(noted, request)) throw new IdempotencyKeyReusedError();
    return this.#goOn(noted, async (blocking) => {
      const other = await this.find(blocking);
      if (other) await this.#goOn(other, async () => {});
    });
  }

  /**
   * Gives a requested replay its generation.
   * @throws CommandRejectedError while another replay makes a generation; the request is removed then
   */
  async begin(noted: Replay): Promise<Replay> {
    const { replayId } = noted;
    const { building, live } = await this.#claim(noted).catch(async (error: unknown) => {
      if (error instanceof CommandRejectedError) await this.#options.control.remove(KIND, replayId, 1);
      throw error;
    });
    return this.change(replayId, (own) =>
      own.state === 'requested' && building
        ? { ...own, state: 'running', generation: building.generation, replaces: live, startedAt: this.#now() }
        : undefined,
    );
  }

  /** Begins a requested replay, and starts a running replay, whose process may have died. */
  async #goOn(own: Replay, onBlocked: (replayId: string) => Promise<void>): Promise<Replay> {
    let begun = own;
    if (own.state === 'requested') {
      begun = await this.begin(own).catch(async (error: unknown) => {
        if (error instanceof PlaceTakenError) await onBlocked(error.replayId);
        throw error;
      });
    }
    if (begun.state === 'running') await this.#options.start(begun);
    return begun;
  }

  /** The replay of an id. @throws NotFoundError when there is none, or it belongs to another projection */
  async get(replayId: string, projection?: string): Promise<Replay> {
    const found = await this.find(replayId);
    const of = projection === undefined ? '' : ` of projection ${projection}`;
    if (!found || (of && found.projection !== projection))
      throw new NotFoundError(`there is no replay ${replayId}${of}`);
    return found;
  }

  /** The replay of an id; undefined when there is none. @throws CorruptDataError when its record cannot be read */
  async find(replayId: string): Promise<Replay | undefined> {
    const item = await this.#options.control.get(KIND, replayId);
    return item && replayOf(item.content, replayId);
  }

  /** The replays in the order of their ids. */
  async list(options: { readonly limit: number; readonly after?: string | undefined }): Promise<ReplayList> {
    const { items, next } = await this.#options.control.list(KIND, options);
    const replays = items.map(({ id, content }) => replayOf(content, id));
    return next === undefined ? { replays } : { replays, next };
  }

  /** Pauses a replay after its present batch. @throws NotFoundError @throws CommandRejectedError in another state */
  pause(replayId: string): Promise<Replay> {
    return this.#move(replayId, ['running', 'paused'], 'paused');
  }

  /**
   * Continues a replay that was paused or failed, or that a crash stopped. @throws NotFoundError @throws
   * CommandRejectedError
   */
  async resume(replayId: string): Promise<Replay> {
    const known = await this.get(replayId);
    if (known.state === 'requested') return this.#goOn(known, async () => {});
    const resumed = await this.change(replayId, (own) => {
      if (own.state === 'running') return undefined;
      if (own.state !== 'paused' && own.state !== 'failed') throw refused(own, 'resumed');
      return { ...withoutFailures(own), state: 'running', runs: own.runs + 1 };
    });
    await this.#options.start(resumed);
    return resumed;
  }

  /**
   * Switches readers to the whole generation of a ready replay at once.
   * @param acceptPart must be true for a generation of a part of the events, which readers could take for the whole
   * @throws NotFoundError
   * @throws CommandRejectedError in another state, or for a part without `acceptPart`
   */
  async switchTo(replayId: string, { acceptPart = false } = {}): Promise<Replay> {
    const own = await this.get(replayId);
    if (own.state === 'switched') {
      if (!own.removedAt) await this.#options.start(own); // the replaced generation must still be removed
      return own;
    }
    if (own.state !== 'ready') throw refused(own, 'switched to; only a ready replay can');
    if (!isWhole(own.scope) && !acceptPart) {
      throw new CommandRejectedError(
        `replay ${replayId} has only a part of the events; to serve this part, set acceptPart`,
      );
    }
    const switched = await this.completeSwitch(own);
    await this.#options.start(switched);
    return switched;
  }

  /**
   * Discards a replay and its generation. The live generation does not change. @throws NotFoundError @throws
   * CommandRejectedError
   */
  async discard(replayId: string): Promise<Replay> {
    const { projection, generation } = await this.get(replayId);
    await this.#options.generations.change(projection, ({ building, ...pointer }) => {
      if (pointer.live === generation)
        throw new CommandRejectedError(`replay ${replayId} is live: readers get its generation`);
      return building?.replayId === replayId ? pointer : undefined;
    });
    const discarded = await this.#move(
      replayId,
      ['requested', 'running', 'paused', 'ready', 'failed', 'discarded'],
      'discarded',
    );
    await this.#options.start(discarded);
    return discarded;
  }

  /** Moves the pointer and then records the switch. After a crash between the two, a repeat completes it. */
  async completeSwitch({ replayId, projection, generation }: Replay): Promise<Replay> {
    await this.#options.generations.change(projection, ({ building, ...pointer }) => {
      if (pointer.live === generation) return undefined;
      if (building?.replayId !== replayId) throw new CommandRejectedError(`replay ${replayId} was discarded`);
      return { ...pointer, live: building.generation };
    });
    return this.change(replayId, (own) =>
      own.state === 'switched' ? undefined : { ...own, state: 'switched', finishedAt: this.#now() },
    );
  }

  /**
   * Changes the record of a replay; `change` is called again after another writer's change.
   * @param change gives the new record, or undefined for no change; its errors are thrown
   */
  change(replayId: string, change: (own: Replay) => Replay | undefined): Promise<Replay> {
    const stored = (item: ControlItem | undefined): Replay => {
      if (!item) throw new NotFoundError(`there is no replay ${replayId}`);
      return replayOf(item.content, replayId);
    };
    return changeItem(this.#options.control, { kind: KIND, id: replayId }, stored, change);
  }

  /** The declaration of a projection. @throws NotFoundError */
  projection(name: string): AnyProjection {
    return projectionNamed(name, this.#options.projections);
  }

  async #note({ replayId, projection, scope, switchWhenReady }: ReplayRequest): Promise<Replay> {
    const requestedAt = this.#now();
    const fixed = isWhole(scope) ? scope : { ...scope, to: scope.to ?? requestedAt };
    const noted: Replay = {
      ...{ replayId, projection, scope: fixed, switchWhenReady, state: 'requested', requestedAt },
      ...{ partitions: {}, events: 0, total: 0, failures: [], failed: 0, runs: 0 },
    };
    await this.#options.control.put(KIND, replayId, noted as JsonObject, 0);
    return this.get(replayId);
  }

  /** The condition on the pointers decides a race. */
  #claim({ replayId, projection, scope }: Replay): Promise<GenerationPointer> {
    return this.#options.generations.change(projection, (pointer) => {
      const { building } = pointer;
      if (building?.replayId === replayId) return undefined;
      if (building) {
        throw new PlaceTakenError(projection, building);
      }
      const generation = pointer.last + 1;
      return { ...pointer, building: { generation, replayId, follows: isWhole(scope) }, last: generation };
    });
  }

  #move(replayId: string, from: readonly ReplayState[], to: ReplayState): Promise<Replay> {
    return this.change(replayId, (own) => {
      if (!from.includes(own.state)) throw refused(own, to);
      return own.state === to ? undefined : { ...own, state: to };
    });
  }

  #now(): string {
    return (this.#options.now?.() ?? new Date()).toISOString();
  }
}

/**
 * Whether a stored replay belongs to a request. A part without an end was stored with the time of the request as its
 * end.
 */
function isOf({ projection, scope, switchWhenReady, requestedAt }: Replay, request: ReplayRequest): boolean {
  const { from, to, types } = request.scope;
  const end = to ?? (isWhole(request.scope) ? undefined : requestedAt);
  return (
    projection === request.projection &&
    switchWhenReady === request.switchWhenReady &&
    isDeepStrictEqual([scope.from, scope.to, scope.types], [from, end, types])
  );
}
