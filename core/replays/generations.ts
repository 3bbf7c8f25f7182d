import * as z from 'zod';
import { CorruptDataError } from '../base/errors.ts';
import { LIVE_GENERATION } from '../projections/projector.ts';
import { type ControlItem, type ControlStore, changeItem } from './control-store.ts';

const generation = z.int().positive();

/** Where the generations of one projection stand. */
const pointer = z.strictObject({
  /** The one that readers get. */
  live: generation,
  /** One that is being made beside it, and by which replay. */
  building: z.strictObject({ generation, replayId: z.string(), follows: z.boolean() }).optional(),
  /** The highest number ever given out: what is left of a generation never mixes with a later one. */
  last: generation,
});
export type GenerationPointer = z.output<typeof pointer>;

const pointers = z.record(z.string(), pointer);
export type GenerationPointers = z.output<typeof pointers>;

const INITIAL: GenerationPointer = { live: LIVE_GENERATION, last: LIVE_GENERATION };

/** What readers need to know of generations. */
export interface LiveGenerations {
  /** The generation of a projection that readers get. */
  live(projection: string): Promise<number>;
}

/** All projections' pointers are one item: a function that needs any of them reads it once. */
const KIND = 'generations';
const ID = 'all';

export interface GenerationsOptions {
  /**
   * How long what was read is trusted, milliseconds. A process then learns that late that a generation is built or live:
   * until it does, it writes and reads what it knew. Where this object makes every change itself, for ever.
   */
  readonly maxAgeMs: number;
  readonly now?: () => number;
}

/** Which generation of each projection is live, and which is being built: pointers in the control store. */
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
   * The generations that live commits belong in: what the projector asks for. The one that is built comes first, so that
   * the live one never shows what is not in the other, and readers see no view go back when they are switched.
   */
  async wanted(projection: string): Promise<readonly number[]> {
    const { live, building } = await this.#current(projection);
    return building?.follows ? [building.generation, live] : [live];
  }

  /** The pointer as it is now, whatever is cached. */
  async read(projection: string): Promise<GenerationPointer> {
    return pointerOf(await this.#read(), projection);
  }

  /**
   * Moves a projection's pointer, whole or not at all; `change` is called again when somebody else moved one meanwhile.
   * @param change the pointer to have, or undefined to leave it as it is. What it throws is thrown
   * @returns the pointer as it is then
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
    // Those who ask while a read is under way share its answer: it is no older than their question by more than its delay.
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
