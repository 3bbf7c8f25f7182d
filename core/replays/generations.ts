import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { LIVE_GENERATION } from '../projections/projector.ts';
import { type ControlItem, type ControlStore, changeItem } from '../store/control-store.ts';

const generation = z.int().positive();

/** The pointer to the generations of a projection. */
const pointer = z.strictObject({
  /** The generation that readers get. */
  live: generation,
  /** A generation that is being made, and its replay. `follows`: live commits are applied to it. */
  building: z.strictObject({ generation, replayId: z.string(), follows: z.boolean() }).optional(),
  /** The highest generation number so far. Numbers are never used again, so old views never mix with new views. */
  last: generation,
});
/** The pointer to the generations of a projection. */
export type GenerationPointer = z.output<typeof pointer>;

const pointers = z.record(z.string(), pointer);
/** The pointers of all projections, by name. */
export type GenerationPointers = z.output<typeof pointers>;

const INITIAL: GenerationPointer = { live: LIVE_GENERATION, last: LIVE_GENERATION };

/** The port of readers to generations. */
export interface LiveGenerations {
  /** The generation of a projection that readers get. */
  live(projection: string): Promise<number>;
}

/** The pointers of all projections are one item, so that a function reads them once. */
const KIND = 'generations';
const ID = 'all';

/** The settings of {@link Generations}. */
export interface GenerationsOptions {
  /**
   * How long a read of the pointers is used, milliseconds. A process may notice a new or newly live generation that
   * much later, and uses the old pointers until then. Infinity where this object makes all changes.
   */
  readonly maxAgeMs: number;
  readonly now?: () => number;
}

/** The live generation of each projection, and the generation that is being built: pointers in the control store. */
export class Generations implements LiveGenerations {
  readonly #control: ControlStore;
  readonly #maxAgeMs: number;
  readonly #now: () => number;
  #known: { readonly pointers: GenerationPointers; readonly at: number } | undefined;
  #reading: Promise<GenerationPointers> | undefined;

  constructor(control: ControlStore, { maxAgeMs, now = Date.now }: GenerationsOptions) {
    this.#control = control;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /** The generation that readers get. */
  async live(projection: string): Promise<number> {
    return (await this.#current(projection)).live;
  }

  /**
   * The generations to which the projector applies live commits. The generation that is being built comes first. So it
   * has every event of the live generation, and no view goes back at a switch.
   */
  async wanted(projection: string): Promise<readonly number[]> {
    const { live, building } = await this.#current(projection);
    return building?.follows ? [building.generation, live] : [live];
  }

  /** The present pointer, read from the control store. @throws UnavailableError @throws CorruptDataError */
  async read(projection: string): Promise<GenerationPointer> {
    return pointerOf(await this.#read(), projection);
  }

  /**
   * Changes a projection's pointer in one conditional write. `change` is called again after another writer's change.
   * @param change gives the new pointer, or undefined for no change; its errors are thrown
   * @returns the present pointer
   */
  async change(
    projection: string,
    change: (pointer: GenerationPointer) => GenerationPointer | undefined,
  ): Promise<GenerationPointer> {
    const at = this.#now();
    const all = await changeItem(this.#control, { kind: KIND, id: ID }, pointersOf, (pointers) => {
      const next = change(pointerOf(pointers, projection));
      return next && { ...pointers, [projection]: next };
    });
    this.#known = { pointers: all, at };
    return pointerOf(all, projection);
  }

  async #current(projection: string): Promise<GenerationPointer> {
    const age = this.#known ? this.#now() - this.#known.at : Number.POSITIVE_INFINITY;
    if (this.#known && age <= this.#maxAgeMs) return pointerOf(this.#known.pointers, projection);
    // Callers during a read share its answer, which is at most one read older than their call.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return pointerOf(await this.#reading, projection);
  }

  async #read(): Promise<GenerationPointers> {
    const at = this.#now();
    const all = pointersOf(await this.#control.get(KIND, ID));
    this.#known = { pointers: all, at };
    return all;
  }
}

/** @throws CorruptDataError */
function pointersOf(item: ControlItem | undefined): GenerationPointers {
  const parsed = pointers.safeParse(item?.content ?? {});
  if (parsed.success) return parsed.data;
  throw new CorruptDataError('the pointers to generations cannot be read', { cause: parsed.error });
}

const pointerOf = (all: GenerationPointers, projection: string): GenerationPointer => all[projection] ?? INITIAL;
